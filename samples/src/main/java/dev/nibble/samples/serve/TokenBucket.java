package dev.nibble.samples.serve;

import java.util.function.LongSupplier;

/** Lets so many through a second, and as many at once after a second's rest. */
final class TokenBucket {
  private static final double NANOS = 1e9;

  private final double rate;
  private final LongSupplier clock;
  private double tokens;
  private long filledAt;

  /**
   * A full bucket.
   *
   * @param rate tokens a second, and in the bucket at most
   * @param clock nanoseconds, such as {@link System#nanoTime}
   */
  TokenBucket(int rate, LongSupplier clock) {
    this.rate = rate;
    this.clock = clock;
    this.tokens = rate;
    this.filledAt = clock.getAsLong();
  }

  /** Takes a token, if there is one. */
  synchronized boolean tryTake() {
    long now = clock.getAsLong();
    tokens = Math.min(rate, tokens + (now - filledAt) / NANOS * rate);
    filledAt = now;
    if (tokens < 1) {
      return false;
    }
    tokens--;
    return true;
  }
}
