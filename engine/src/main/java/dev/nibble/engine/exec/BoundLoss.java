package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.optim.KernelLoss;
import dev.nibble.engine.optim.Loss;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.LossFunction;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A loss with the buffers that it works on. The arguments for the few buffers of labels in use are
 * kept, so that a step makes none anew.
 */
final class BoundLoss {
  private static final int KEPT = 8;
  private static final float[] NO_WEIGHTS = {};

  private final Loss loss;
  private final boolean soft;
  private final double labelSmoothing;
  private final int batch;
  private final int classes;
  private final MemorySegment logits;
  private final MemorySegment result;
  private final @Nullable MemorySegment gradient;
  private final @Nullable LossArgs[] training = new @Nullable LossArgs[KEPT];
  private final @Nullable LossArgs[] evaluation = new @Nullable LossArgs[KEPT];

  BoundLoss(
      SessionOptions options,
      int batch,
      int classes,
      MemorySegment logits,
      @Nullable MemorySegment gradient,
      MemorySegment result) {
    this.loss = options.loss();
    this.soft = options.soft();
    this.labelSmoothing = options.labelSmoothing();
    this.batch = batch;
    this.classes = classes;
    this.logits = logits;
    this.result = result;
    this.gradient = gradient;
  }

  /** Whether a pass is given a label a picture, or else a number an output. */
  boolean readsLabels(boolean trains) {
    return loss instanceof KernelLoss kernel
        && kernel.function().readsLabels()
        && !(trains && soft);
  }

  /** Bytes that a pass is given a picture. */
  long wantedBytes(boolean trains) {
    return readsLabels(trains) ? 4 : 4L * classes;
  }

  /**
   * Computes the loss of a batch.
   *
   * @param wanted labels or targets, as {@link #readsLabels} says
   */
  void run(Kernels kernels, MemorySegment wanted, int count, boolean trains) {
    if (loss instanceof KernelLoss kernel) {
      kernels.loss(args(kernel, wanted, trains), count);
      return;
    }
    double sum = loss.compute(logits, wanted, count, classes, trains ? gradient : null);
    result.set(JAVA_DOUBLE, 0, sum);
    result.set(JAVA_DOUBLE, 8, correct(wanted, count));
  }

  private LossArgs args(KernelLoss kernel, MemorySegment wanted, boolean trains) {
    @Nullable LossArgs[] kept = trains ? training : evaluation;
    int free = 0;
    for (int i = 0; i < KEPT; i++) {
      LossArgs args = kept[i];
      if (args == null) {
        free = i;
        break;
      }
      if (args.labels().equals(wanted)) {
        return args;
      }
    }
    LossFunction function = readsLabels(trains) ? kernel.function() : kernel.soft();
    LossArgs made =
        new LossArgs(
            batch,
            classes,
            logits,
            wanted,
            trains ? gradient : null,
            result,
            trains ? labelSmoothing : 0,
            function,
            trains ? kernel.weights() : NO_WEIGHTS);
    kept[free] = made;
    return made;
  }

  /** Pictures whose largest output is one of their largest targets. */
  private int correct(MemorySegment targets, int count) {
    int correct = 0;
    for (int picture = 0; picture < count; picture++) {
      long first = (long) picture * classes;
      int best = 0;
      float most = Float.NEGATIVE_INFINITY;
      float largest = Float.NEGATIVE_INFINITY;
      for (int k = 0; k < classes; k++) {
        float output = logits.getAtIndex(JAVA_FLOAT, first + k);
        if (output > most) {
          most = output;
          best = k;
        }
        largest = Math.max(largest, targets.getAtIndex(JAVA_FLOAT, first + k));
      }
      correct += targets.getAtIndex(JAVA_FLOAT, first + best) == largest ? 1 : 0;
    }
    return correct;
  }
}
