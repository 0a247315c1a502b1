package dev.nibble.engine.train;

import java.util.Locale;

/**
 * Numbers of a training run are not finite any more, and training stopped. Where that was the loss
 * or the norm of the gradients, before the weights were changed by them; where it was the weights,
 * the running statistics or the loss on the test pictures, what is left of the run is its last
 * checkpoint before.
 */
public final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long step;

  private DivergedException(String what, long step) {
    super(what + ": training stopped. Try a lower learning rate or a warm-up.");
    this.step = step;
  }

  /** What is not finite is the loss or, if that is, the gradients' norm. */
  static DivergedException of(long step, double loss, double gradientNorm) {
    boolean finite = Double.isFinite(loss);
    return new DivergedException(
        String.format(
            Locale.ROOT,
            "The %s of step %d is %s",
            finite ? "gradients' norm" : "loss",
            step,
            finite ? gradientNorm : loss),
        step);
  }

  /** What the step left is not finite, such as {@code 'stem.weight' holds NaN}. */
  static DivergedException left(long step, String fault) {
    return new DivergedException(
        String.format(Locale.ROOT, "After step %d, %s", step, fault), step);
  }

  /** The network that the step left makes no finite loss of the test pictures. */
  static DivergedException tested(long step, double loss) {
    return new DivergedException(
        String.format(Locale.ROOT, "The loss on the test pictures after step %d is %s", step, loss),
        step);
  }

  /** The step, from 1, by which numbers had ceased to be finite. */
  public long step() {
    return step;
  }
}
