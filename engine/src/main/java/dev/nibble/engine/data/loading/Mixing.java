package dev.nibble.engine.data.loading;

/**
 * How pairs of training pictures are mixed, and their targets with them: each picture with the next
 * one of its batch, the last with the first, by a share that it draws for itself from Beta(a, a).
 * What is drawn depends on seed, step and place alone.
 *
 * @param mixup the a of mixup, which adds the pictures up (Zhang et al. 2018, "mixup: Beyond
 *     Empirical Risk Minimization"); 0 for none
 * @param cutmix the a of CutMix, which puts a part of the one into the other (Yun et al. 2019,
 *     "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features"); 0
 *     for none. With both, each picture draws which
 */
public record Mixing(double mixup, double cutmix) {
  /** Pictures as they are. */
  public static final Mixing NONE = new Mixing(0, 0);

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is negative or not finite
   */
  public Mixing {
    check("mixup", mixup);
    check("cutmix", cutmix);
  }

  private static void check(String name, double value) {
    if (!(value >= 0 && Double.isFinite(value))) {
      throw new IllegalArgumentException(
          "%s is %s, give a number above 0, such as 0.2, or 0 for none".formatted(name, value));
    }
  }

  /** Whether anything is mixed. */
  public boolean isOn() {
    return mixup > 0 || cutmix > 0;
  }
}
