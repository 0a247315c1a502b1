package dev.nibble.engine.exec;

/**
 * How a session runs; what it runs stands in its plan.
 *
 * @param threads threads that compute, the calling one among them
 * @param labelSmoothing the share of all classes in a training picture's target, 0 (none) up to but
 *     not including 1; evaluation takes the labels as they are
 */
public record SessionOptions(int threads, double labelSmoothing) {
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

  /** Without label smoothing. */
  public static SessionOptions of(int threads) {
    return new SessionOptions(threads, 0);
  }
}
