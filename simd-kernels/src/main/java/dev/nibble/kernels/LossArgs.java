package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of softmax cross-entropy, the mean over the batch.
 *
 * <p>With label smoothing (Szegedy et al. 2016, section 7) a picture's target is not its label
 * alone: the label has the share {@code 1 - smoothing}, and all classes share the rest alike.
 *
 * @param batch pictures that the buffers hold
 * @param classes logits a picture
 * @param logits fp32 N,classes
 * @param labels 32-bit integers; a label outside 0..classes-1 is an error
 * @param gradient d loss / d logits, fp32 N,classes, written; null for evaluation
 * @param result two doubles, written: the sum (not the mean) of the pictures' losses, and the
 *     number of pictures whose largest logit (the first, if equal) is the label's
 * @param smoothing the share of all classes in the target, 0 (none) up to but not including 1
 */
public record LossArgs(
    int batch,
    int classes,
    MemorySegment logits,
    MemorySegment labels,
    @Nullable MemorySegment gradient,
    MemorySegment result,
    double smoothing) {
  /** Checks every buffer against the shapes. */
  public LossArgs {
    if (batch < 1 || classes < 1) {
      throw new IllegalArgumentException("A loss needs pictures and classes");
    }
    if (!(smoothing >= 0 && smoothing < 1)) {
      throw new IllegalArgumentException("Label smoothing lies in 0 to 1, not " + smoothing);
    }
    long bytes = 4L * batch * classes;
    Door.check(logits, bytes, "logits");
    Door.check(labels, 4L * batch, "labels");
    Door.check(result, 16, "loss's result");
    if (gradient != null) {
      Door.check(gradient, bytes, "logits' gradient");
    }
  }
}
