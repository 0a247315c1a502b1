package dev.nibble.engine.train;

/** The loss is not a number any more: training stopped before the weights were changed by it. */
public final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long step;

  DivergedException(long step, double loss) {
    super(
        "The loss of step %d is %s: training stopped. Try a lower learning rate or a warm-up."
            .formatted(step, loss));
    this.step = step;
  }

  /** The step, from 1, whose loss was not finite. */
  public long step() {
    return step;
  }
}
