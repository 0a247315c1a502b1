package dev.nibble.engine.train;

/** The figures of a run as it goes. */
final class Progress {
  private double lossSum;
  private double accuracySum;
  private long steps;
  private double testLoss = Double.NaN;
  private double testAccuracy = Double.NaN;
  private long savedAt = -1;
  private boolean interrupted;

  void add(double loss, double accuracy) {
    lossSum += loss;
    accuracySum += accuracy;
    steps++;
  }

  /** The steps of an epoch are done; the next one's figures begin anew. */
  Untested endSteps() {
    Untested epoch = new Untested(lossSum / steps, accuracySum / steps);
    lossSum = 0;
    accuracySum = 0;
    steps = 0;
    return epoch;
  }

  TrainingListener.Epoch endEpoch(
      long done,
      int epoch,
      Untested training,
      Evaluator.Result test,
      double seconds,
      boolean onValidation) {
    interrupted = false;
    testLoss = test.loss();
    testAccuracy = test.score();
    return new TrainingListener.Epoch(
        done,
        epoch,
        training.trainLoss(),
        training.trainAccuracy(),
        testLoss,
        testAccuracy,
        seconds,
        onValidation,
        test.metrics());
  }

  /** The evaluation at an epoch's end was given up. */
  void interrupted() {
    interrupted = true;
  }

  void saved(long done) {
    savedAt = done;
  }

  /** What was saved of the steps done is not all any more. */
  void outdated() {
    savedAt = -1;
  }

  boolean isUnsaved(long done) {
    return savedAt != done;
  }

  /** How the run ended; with early stopping, what was tested best counts. */
  TrainingResult result(RunPosition position) {
    BestEpoch best = position.best();
    boolean stoppedEarly = !position.isAtEnd() && best.isExhausted();
    return new TrainingResult(
        position.done(),
        interrupted || (!position.isAtEnd() && !stoppedEarly),
        stoppedEarly,
        best.epoch(),
        position.lastLoss(),
        best.isFound() ? best.loss() : testLoss,
        best.isFound() ? best.score() : testAccuracy,
        Double.NaN,
        Double.NaN);
  }
}
