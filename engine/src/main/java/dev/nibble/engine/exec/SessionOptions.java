package dev.nibble.engine.exec;

/**
 * How a session runs.
 *
 * @param threads threads that compute, the calling one among them
 * @param momentum SGD's momentum
 * @param weightDecay added to the gradient of convolution and dense weights, times the weight
 */
public record SessionOptions(int threads, float momentum, float weightDecay) {
  /** Checks the numbers. */
  public SessionOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("A session has 1 to 1024 threads, not " + threads);
    }
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException("Momentum lies in 0 (inclusive) to 1, not " + momentum);
    }
    if (!(weightDecay >= 0) || Float.isInfinite(weightDecay)) {
      throw new IllegalArgumentException("Weight decay must not be negative, is " + weightDecay);
    }
  }

  /** The recipe's: momentum 0.9, weight decay 2e-4. */
  public static SessionOptions of(int threads) {
    return new SessionOptions(threads, 0.9f, 2e-4f);
  }
}
