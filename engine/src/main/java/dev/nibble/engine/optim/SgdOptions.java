package dev.nibble.engine.optim;

/**
 * The constants of stochastic gradient descent: {@code v = momentum v + (grad + weightDecay w); w
 * -= rate v}.
 *
 * @param momentum what is kept of the last step, 0 (none) up to, not including, 1
 * @param weightDecay the pull of convolution and dense weights towards 0, not negative
 */
public record SgdOptions(float momentum, float weightDecay) {
  /**
   * Checks both constants.
   *
   * @throws IllegalArgumentException if one is out of range or not a number
   */
  public SgdOptions {
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException(
          "momentum is " + momentum + ", give a number from 0 up to but not including 1");
    }
    if (!(weightDecay >= 0 && Float.isFinite(weightDecay))) {
      throw new IllegalArgumentException(
          "weight decay is " + weightDecay + ", give a number not below 0");
    }
  }

  /** Returns the recipe for CIFAR ResNets: momentum 0.9, weight decay 2e-4. */
  public static SgdOptions recipe() {
    return new SgdOptions(0.9f, 2e-4f);
  }
}
