package dev.nibble.engine.train;

/**
 * How a training run ended.
 *
 * @param steps steps done in all, those before a resume included
 * @param cancelled whether it was stopped before its end
 * @param loss mean loss of the last step
 * @param testLoss mean loss of the test pictures at the last evaluation; NaN if there was none
 * @param testAccuracy share classified correctly at the last evaluation; NaN if there was none
 */
public record TrainingResult(
    long steps, boolean cancelled, double loss, double testLoss, double testAccuracy) {}
