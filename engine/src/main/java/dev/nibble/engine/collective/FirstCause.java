package dev.nibble.engine.collective;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** What ended a run that workers share: the first cause is kept, whatever follows from it. */
final class FirstCause {
  private final AtomicReference<@Nullable String> cause = new AtomicReference<>();

  /** Keeps the cause if it is the first; says whether it is. */
  boolean offer(String sentence) {
    return cause.compareAndSet(null, sentence);
  }

  boolean isKnown() {
    return cause.get() != null;
  }

  void check() {
    String known = cause.get();
    if (known != null) {
      throw new CollectiveException(known);
    }
  }
}
