package dev.nibble.engine.infer;

/**
 * Hears what a predictor does; called on the thread that asked, before it gets its answer, by
 * several threads at once. It must be quick, and what it throws reaches the caller.
 */
@FunctionalInterface
public interface PredictionListener {
  /**
   * A call was answered.
   *
   * @param pictures how many it classified
   * @param nanoseconds from the call to its answer, waiting for a free thread included
   */
  void onPrediction(int pictures, long nanoseconds);
}
