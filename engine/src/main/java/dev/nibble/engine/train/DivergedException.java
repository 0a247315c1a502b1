package dev.nibble.engine.train;

/**
 * The loss, or the gradients that were to be clipped, are no finite numbers any more: training
 * stopped before the weights were changed by them.
 */
public final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long step;

  private DivergedException(String what, long step, double value) {
    super(
        "The %s of step %d is %s: training stopped. Try a lower learning rate or a warm-up."
            .formatted(what, step, value));
    this.step = step;
  }

  /** What is not finite is the loss or, if that is, the gradients' norm. */
  static DivergedException of(long step, double loss, double gradientNorm) {
    return Double.isFinite(loss)
        ? new DivergedException("gradients' norm", step, gradientNorm)
        : new DivergedException("loss", step, loss);
  }

  /** The step, from 1, whose loss or gradients were not finite. */
  public long step() {
    return step;
  }
}
