package dev.nibble.engine.train;

/** The figures of a run as it goes. */
final class Progress {
  private double lossSum;
  private double accuracySum;
  private long steps;
  private double lastLoss = Double.NaN;
  private double testLoss = Double.NaN;
  private double testAccuracy = Double.NaN;
  private long savedAt = -1;
  private boolean interrupted;

  void add(double loss, double accuracy) {
    lossSum += loss;
    accuracySum += accuracy;
    steps++;
    lastLoss = loss;
  }

  TrainingListener.Epoch endEpoch(long done, int epoch, Evaluator.Result test, double seconds) {
    testLoss = test.loss();
    testAccuracy = test.accuracy();
    TrainingListener.Epoch event =
        new TrainingListener.Epoch(
            done, epoch, lossSum / steps, accuracySum / steps, testLoss, testAccuracy, seconds);
    lossSum = 0;
    accuracySum = 0;
    steps = 0;
    return event;
  }

  /** The evaluation at an epoch's end was given up. */
  void interrupted() {
    interrupted = true;
  }

  double lastLoss() {
    return lastLoss;
  }

  void saved(long done) {
    savedAt = done;
  }

  boolean isUnsaved(long done) {
    return savedAt != done;
  }

  /** How the run ended; with early stopping, what was tested best counts. */
  TrainingResult result(long done, long totalSteps, BestEpoch best) {
    boolean stoppedEarly = done < totalSteps && best.isExhausted();
    return new TrainingResult(
        done,
        interrupted || (done < totalSteps && !stoppedEarly),
        stoppedEarly,
        best.epoch(),
        lastLoss,
        best.isFound() ? best.loss() : testLoss,
        best.isFound() ? best.accuracy() : testAccuracy);
  }
}
