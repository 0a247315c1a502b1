package dev.nibble.kernels.cublas;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What has to be given back, in the opposite order of how it was taken. All of it is given back,
 * even if a part fails; the first failure is thrown at the end, the others suppressed.
 */
final class Releases implements AutoCloseable {
  private final Deque<Runnable> stack = new ArrayDeque<>();

  /** Adds what is to be done before all that was added so far. */
  void add(Runnable release) {
    stack.push(release);
  }

  @Override
  public void close() {
    RuntimeException failure = drain();
    if (failure != null) {
      throw failure;
    }
  }

  /** Gives everything back because of an exception, which gets further failures as suppressed. */
  void closeAfter(Throwable cause) {
    RuntimeException failure = drain();
    if (failure != null) {
      cause.addSuppressed(failure);
    }
  }

  private @Nullable RuntimeException drain() {
    RuntimeException failure = null;
    while (!stack.isEmpty()) {
      try {
        stack.pop().run();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    return failure;
  }
}
