package dev.nibble.engine.collective;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * How a worker waits: it looks at once, gives its core away, then sleeps between looks, longer and
 * longer, until a deadline. Allocates nothing.
 */
final class Patience {
  private static final long SPIN_NANOS = 20_000;
  private static final long YIELD_NANOS = 2_000_000;
  private static final long SLEEP_NANOS = 50_000;

  private final long nanos;
  private long start;

  Patience(Duration deadline) {
    this.nanos = deadline.toNanos();
  }

  /** Something has happened: the deadline begins anew. */
  void begin() {
    start = System.nanoTime();
  }

  /** Waits a moment; false once the deadline has passed. */
  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on the yield but the time it takes
  boolean pause() {
    long waited = System.nanoTime() - start;
    if (waited < SPIN_NANOS) {
      Thread.onSpinWait();
    } else if (waited < YIELD_NANOS) {
      Thread.yield();
    } else {
      LockSupport.parkNanos(this, SLEEP_NANOS);
    }
    return waited < nanos;
  }

  long seconds() {
    return nanos / 1_000_000_000;
  }
}
