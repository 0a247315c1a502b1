package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.kernels.LossArgs;
import java.lang.foreign.MemorySegment;

/** Losses, in double: they are small, and their gradient starts every backward pass. */
final class ScalarLoss {
  private ScalarLoss() {}

  static void loss(LossArgs args, int count) {
    switch (args.function()) {
      case CROSS_ENTROPY -> {
        checkLabels(args, count);
        if (args.weights().length == 0) {
          labelled(args, count);
        } else {
          ScalarTargetLoss.weighted(args, count);
        }
      }
      case SOFT_CROSS_ENTROPY -> ScalarTargetLoss.soft(args, count);
      case BINARY_CROSS_ENTROPY -> ScalarTargetLoss.binary(args, count);
      case SQUARED_ERROR -> ScalarTargetLoss.squared(args, count);
    }
  }

  private static void labelled(LossArgs args, int count) {
    double total = 0;
    int correct = 0;
    double all = args.smoothing() / args.classes();
    double own = 1 - args.smoothing() + all;
    for (int picture = 0; picture < count; picture++) {
      int label = args.labels().get(JAVA_INT, 4L * picture);
      long first = (long) picture * args.classes();
      int best = largest(args, first);
      float max = Floats.get(args.logits(), first + best);
      double sum = 0;
      for (int k = 0; k < args.classes(); k++) {
        sum += Math.exp((double) Floats.get(args.logits(), first + k) - max);
      }
      total += Math.log(sum) + max - target(args, first, label);
      if (best == label && !Float.isNaN(max)) {
        correct++;
      }
      MemorySegment gradient = args.gradient();
      if (gradient != null) {
        for (int k = 0; k < args.classes(); k++) {
          double share = Math.exp((double) Floats.get(args.logits(), first + k) - max) / sum;
          Floats.set(gradient, first + k, (float) ((share - (k == label ? own : all)) / count));
        }
      }
    }
    args.result().set(JAVA_DOUBLE, 0, total);
    args.result().set(JAVA_DOUBLE, 8, correct);
  }

  /** Which logit of a picture is the largest, the first of equals; NaN wins. */
  static int largest(LossArgs args, long first) {
    int best = 0;
    float max = Floats.get(args.logits(), first);
    for (int k = 1; k < args.classes(); k++) {
      float logit = Floats.get(args.logits(), first + k);
      if (logit > max || Float.isNaN(logit)) {
        best = k;
        max = logit;
      }
    }
    return best;
  }

  /** The logits' mean under the target: the label's, moved towards the mean of all. */
  private static double target(LossArgs args, long first, int label) {
    double logit = Floats.get(args.logits(), first + label);
    if (args.smoothing() == 0) {
      return logit; // whatever the others are
    }
    double sum = 0;
    for (int k = 0; k < args.classes(); k++) {
      sum += Floats.get(args.logits(), first + k);
    }
    return (1 - args.smoothing()) * logit + args.smoothing() * sum / args.classes();
  }

  /** Before anything is written: a wrong label spoils no gradient. */
  private static void checkLabels(LossArgs args, int count) {
    for (int picture = 0; picture < count; picture++) {
      int label = args.labels().get(JAVA_INT, 4L * picture);
      if (label < 0 || label >= args.classes()) {
        throw new IllegalArgumentException(
            "The label of picture %d is %d, but there are only the classes 0 to %d"
                .formatted(picture, label, args.classes() - 1));
      }
    }
  }
}
