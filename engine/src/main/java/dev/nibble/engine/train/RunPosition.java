package dev.nibble.engine.train;

import org.jspecify.annotations.Nullable;

/** Where a run stands between two steps: what the loop moves on and a checkpoint remembers. */
final class RunPosition {
  private final long stepsPerEpoch;
  private final long totalSteps;
  private final BestEpoch best;
  private long done;
  private @Nullable Untested untested;
  private double lastLoss = Double.NaN;

  RunPosition(TrainingOptions options, BatchGroups groups) {
    this.stepsPerEpoch = groups.stepsPerEpoch();
    this.totalSteps = options.totalSteps(stepsPerEpoch);
    this.best = new BestEpoch(options.earlyStopping());
  }

  long totalSteps() {
    return totalSteps;
  }

  long stepsPerEpoch() {
    return stepsPerEpoch;
  }

  /** Steps done, those before a resume included. */
  long done() {
    return done;
  }

  /** Whether the run's last step is done. */
  boolean isAtEnd() {
    return done >= totalSteps;
  }

  /** Whether the last step done ended an epoch. */
  boolean endsEpoch() {
    return done % stepsPerEpoch == 0 || done == totalSteps;
  }

  /** Whole epochs done. */
  int epochsDone() {
    return (int) (done / stepsPerEpoch);
  }

  /** The epoch, from 1, of the last step done. */
  int currentEpoch() {
    return (int) ((done - 1) / stepsPerEpoch) + 1;
  }

  /** The loss of the last step; not a number before the first since a resume. */
  double lastLoss() {
    return lastLoss;
  }

  BestEpoch best() {
    return best;
  }

  /** The epoch that ended with the last step, if it is still to be evaluated. */
  @Nullable Untested untested() {
    return untested;
  }

  /** One more step is done. */
  void stepped(double loss) {
    done++;
    lastLoss = loss;
  }

  /** An epoch has ended, or, with null, its evaluation is done. */
  void leaveUntested(@Nullable Untested epoch) {
    untested = epoch;
  }

  /**
   * Goes on behind so many steps.
   *
   * @param epoch the epoch that ended with them, if it is still to be evaluated
   */
  void resumeAt(long step, @Nullable Untested epoch) {
    done = step;
    untested = epoch;
  }
}
