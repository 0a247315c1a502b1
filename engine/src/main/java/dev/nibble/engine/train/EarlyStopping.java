package dev.nibble.engine.train;

/**
 * Ends a training run when the accuracy on the validation pictures, or where there are none on the
 * test pictures, has stopped rising; of other tasks than classification, what {@link
 * dev.nibble.engine.infer.Metrics#score} says. What is kept of the run is then the model of its
 * best epoch.
 *
 * @param patience epochs without a new best after which the run ends, at least 1
 * @param minDelta by how much, as a share of those pictures, an accuracy must exceed the best one
 *     to be a new best; 0 up to but not including 1
 */
public record EarlyStopping(int patience, double minDelta) {
  /**
   * Checks both numbers.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public EarlyStopping {
    if (patience < 1) {
      throw new IllegalArgumentException(
          "early stopping waits for " + patience + " epochs, give 1 or more");
    }
    if (!(minDelta >= 0 && minDelta < 1)) {
      throw new IllegalArgumentException(
          "early stopping asks for a gain of %s, give a share from 0 up to but not including 1"
              .formatted(minDelta));
    }
  }
}
