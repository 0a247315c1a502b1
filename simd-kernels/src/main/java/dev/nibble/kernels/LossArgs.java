package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of a loss, the mean over the batch.
 *
 * <p>With label smoothing (Szegedy et al. 2016, section 7) a picture's target is not its label
 * alone: the label has the share {@code 1 - smoothing}, and all classes share the rest alike.
 *
 * <p>Weights are as PyTorch has them. Cross-entropy multiplies a class's term by its weight, and
 * with labels the mean is over the labels' weights; with shares it stays one over the pictures.
 * Binary cross-entropy multiplies the positive term ({@code pos_weight}).
 *
 * @param batch pictures that the buffers hold
 * @param classes logits a picture
 * @param logits fp32 N,classes
 * @param labels what the pictures should come to: 32-bit integers N (a label outside 0..classes-1
 *     is an error) or, unless the function reads labels, fp32 N,classes (a number that the function
 *     has no meaning for is an error)
 * @param gradient d loss / d logits, fp32 N,classes, written; null for evaluation
 * @param result two doubles, written: the mean loss times the pictures, which without weights is
 *     the sum of their losses, and the number of pictures that come out right. That is where the
 *     largest logit (the first, if equal) is the label's or one of the largest share; with binary
 *     cross-entropy where every logit's sign is its target's side of 0.5; none with squared error
 * @param smoothing the share of all classes in the target, 0 (none) up to but not including 1; of a
 *     softmax only
 * @param function which loss
 * @param weights of the classes, above 0 and finite, or none at all for 1 each; not copied
 */
@SuppressWarnings("ArrayRecordComponent") // nobody compares such records
public record LossArgs(
    int batch,
    int classes,
    MemorySegment logits,
    MemorySegment labels,
    @Nullable MemorySegment gradient,
    MemorySegment result,
    double smoothing,
    LossFunction function,
    float[] weights) {
  private static final float[] NO_WEIGHTS = {};

  /** Checks every buffer against the shapes. */
  public LossArgs {
    if (batch < 1 || classes < 1) {
      throw new IllegalArgumentException("A loss needs pictures and classes");
    }
    if (!(smoothing >= 0 && smoothing < 1)) {
      throw new IllegalArgumentException("Label smoothing lies in 0 to 1, not " + smoothing);
    }
    if (smoothing > 0 && !function.isSoftmax()) {
      throw new IllegalArgumentException("Label smoothing belongs to cross-entropy");
    }
    long bytes = 4L * batch * classes;
    ArgumentChecks.check(logits, bytes, "logits");
    ArgumentChecks.check(labels, function.readsLabels() ? 4L * batch : bytes, "labels");
    ArgumentChecks.check(result, 16, "loss's result");
    if (gradient != null) {
      ArgumentChecks.check(gradient, bytes, "logits' gradient");
    }
    if (weights.length > 0) {
      checkWeights(function, weights, classes);
    }
  }

  /** Softmax cross-entropy with labels, all classes alike. */
  public LossArgs(
      int batch,
      int classes,
      MemorySegment logits,
      MemorySegment labels,
      @Nullable MemorySegment gradient,
      MemorySegment result,
      double smoothing) {
    this(
        batch,
        classes,
        logits,
        labels,
        gradient,
        result,
        smoothing,
        LossFunction.CROSS_ENTROPY,
        NO_WEIGHTS);
  }

  private static void checkWeights(LossFunction function, float[] weights, int classes) {
    if (function == LossFunction.SQUARED_ERROR) {
      throw new IllegalArgumentException("The squared error has no weights of classes");
    }
    if (weights.length != classes) {
      throw new IllegalArgumentException(
          "There are %d weights for %d classes".formatted(weights.length, classes));
    }
    for (float weight : weights) {
      if (!(weight > 0) || Float.isInfinite(weight)) {
        throw new IllegalArgumentException("A class's weight is above 0, not " + weight);
      }
    }
  }
}
