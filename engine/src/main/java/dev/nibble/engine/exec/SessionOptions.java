package dev.nibble.engine.exec;

/**
 * How a session runs; what it runs stands in its plan.
 *
 * @param threads threads that compute, the calling one among them
 * @param labelSmoothing the share of all classes in a training picture's target, 0 (none) up to but
 *     not including 1; evaluation takes the labels as they are
 * @param seed what dropout is drawn from, with the step's number
 */
public record SessionOptions(int threads, double labelSmoothing, long seed) {
  /** Checks the numbers. */
  public SessionOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("A session has 1 to 1024 threads, not " + threads);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
      throw new IllegalArgumentException(
          "Label smoothing lies in 0 up to but not including 1, not " + labelSmoothing);
    }
  }

  /** Dropout drawn from 0. */
  public SessionOptions(int threads, double labelSmoothing) {
    this(threads, labelSmoothing, 0);
  }

  /** Without label smoothing. */
  public static SessionOptions of(int threads) {
    return new SessionOptions(threads, 0, 0);
  }
}
