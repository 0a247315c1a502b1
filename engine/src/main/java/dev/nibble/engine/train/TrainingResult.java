package dev.nibble.engine.train;

/**
 * How a training run ended.
 *
 * @param steps steps done in all, those before a resume included
 * @param cancelled whether it was stopped before its end
 * @param stoppedEarly whether it ended because the accuracy had stopped rising
 * @param bestEpoch with early stopping, the epoch from 1 whose model is kept; 0 if there is none
 * @param loss mean loss of the last step
 * @param testLoss mean loss of the test pictures: at the last evaluation, or at that of the best
 *     epoch, or, where there are validation pictures, of the model that is kept, tested once at the
 *     end; NaN if there was none
 * @param testAccuracy share classified correctly at that evaluation, or for other tasks their score
 *     ({@link dev.nibble.engine.infer.Metrics#score}); NaN if there was none
 * @param validationLoss mean loss of the validation pictures at the last evaluation, or at that of
 *     the best epoch; NaN if there was none
 * @param validationAccuracy share classified correctly at that evaluation; NaN if there was none
 */
public record TrainingResult(
    long steps,
    boolean cancelled,
    boolean stoppedEarly,
    int bestEpoch,
    double loss,
    double testLoss,
    double testAccuracy,
    double validationLoss,
    double validationAccuracy) {
  /** The result where the figures so far were those of validation pictures. */
  TrainingResult validated(double lossOfTest, double accuracyOfTest) {
    return new TrainingResult(
        steps,
        cancelled,
        stoppedEarly,
        bestEpoch,
        loss,
        lossOfTest,
        accuracyOfTest,
        testLoss,
        testAccuracy);
  }
}
