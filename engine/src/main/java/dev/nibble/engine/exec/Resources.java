package dev.nibble.engine.exec;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What is to be freed, the last first. All of it is, whatever fails: the first failure is thrown
 * when nothing is left, with the others suppressed.
 */
public final class Resources implements AutoCloseable {
  private final Deque<Runnable> closers = new ArrayDeque<>();

  /** Remembers how to free what was just opened. */
  public void add(Runnable closer) {
    closers.push(closer);
  }

  /** Frees everything because of a failure, to which it adds those that come on top. */
  public void closeAfter(Throwable failure) {
    try {
      close();
    } catch (RuntimeException | Error e) {
      failure.addSuppressed(e);
    }
  }

  /** Frees everything; does nothing the second time. */
  @Override
  public void close() {
    Throwable failure = null;
    while (!closers.isEmpty()) {
      try {
        closers.pop().run();
      } catch (RuntimeException | Error e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
  }
}
