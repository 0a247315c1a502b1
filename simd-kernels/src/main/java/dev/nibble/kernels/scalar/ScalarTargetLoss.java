package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.kernels.LossArgs;
import java.lang.foreign.MemorySegment;

/** Losses of more than a label a picture: weights of classes, shares, many labels, numbers. */
final class ScalarTargetLoss {
  private ScalarTargetLoss() {}

  /** Cross-entropy with labels and weights; the mean is over the labels' weights. */
  static void weighted(LossArgs args, int count) {
    double all = 0;
    for (int picture = 0; picture < count; picture++) {
      all += weight(args, label(args, picture));
    }
    softmax(args, count, all);
  }

  /** Cross-entropy with shares; the mean is over the pictures. */
  static void soft(LossArgs args, int count) {
    checkTargets(args, count, 0, 1);
    softmax(args, count, count);
  }

  /** A class's share of a picture's target. */
  private static double target(LossArgs args, int picture, int k) {
    double share =
        args.function().readsLabels()
            ? k == label(args, picture) ? 1 : 0
            : Floats.get(args.labels(), (long) picture * args.classes() + k);
    return (1 - args.smoothing()) * share + args.smoothing() / args.classes();
  }

  private static void softmax(LossArgs args, int count, double divisor) {
    double total = 0;
    int correct = 0;
    for (int picture = 0; picture < count; picture++) {
      long first = (long) picture * args.classes();
      int best = ScalarLoss.largest(args, first);
      double max = Floats.get(args.logits(), first + best);
      double sum = 0;
      double most = Double.NEGATIVE_INFINITY;
      for (int k = 0; k < args.classes(); k++) {
        sum += Math.exp(Floats.get(args.logits(), first + k) - max);
        most = Math.max(most, target(args, picture, k));
      }
      double log = Math.log(sum) + max;
      double shares = 0;
      for (int k = 0; k < args.classes(); k++) {
        double share = weight(args, k) * target(args, picture, k);
        if (share != 0) {
          total += share * (log - Floats.get(args.logits(), first + k));
          shares += share;
        }
      }
      correct += target(args, picture, best) == most && !Double.isNaN(max) ? 1 : 0;
      MemorySegment gradient = args.gradient();
      if (gradient != null) {
        for (int k = 0; k < args.classes(); k++) {
          double p = Math.exp(Floats.get(args.logits(), first + k) - max) / sum;
          double share = weight(args, k) * target(args, picture, k);
          Floats.set(gradient, first + k, (float) ((p * shares - share) / divisor));
        }
      }
    }
    finish(args, total * (count / divisor), correct);
  }

  /** Binary cross-entropy of each output, in the form that does not overflow. */
  static void binary(LossArgs args, int count) {
    checkTargets(args, count, 0, 1);
    double total = 0;
    int correct = 0;
    double divisor = (double) count * args.classes();
    for (int picture = 0; picture < count; picture++) {
      long first = (long) picture * args.classes();
      boolean right = true;
      for (int k = 0; k < args.classes(); k++) {
        double x = Floats.get(args.logits(), first + k);
        double t = Floats.get(args.labels(), first + k);
        double positive = weight(args, k) * t;
        double small = Math.exp(-Math.abs(x));
        // log(1 + exp(-x)) of the positive term, log(1 + exp(x)) of the negative one.
        total += positive * (Math.max(-x, 0) + Math.log1p(small));
        total += (1 - t) * (Math.max(x, 0) + Math.log1p(small));
        right &= x > 0 == t > 0.5 && !Double.isNaN(x);
        MemorySegment gradient = args.gradient();
        if (gradient != null) {
          double p = x >= 0 ? 1 / (1 + small) : small / (1 + small);
          double slope = (1 - t) * p - positive * (1 - p);
          Floats.set(gradient, first + k, (float) (slope / divisor));
        }
      }
      correct += right ? 1 : 0;
    }
    finish(args, total / args.classes(), correct);
  }

  /** Squared error of each output. */
  static void squared(LossArgs args, int count) {
    checkTargets(args, count, -Float.MAX_VALUE, Float.MAX_VALUE);
    double total = 0;
    double divisor = (double) count * args.classes();
    for (long i = 0; i < (long) count * args.classes(); i++) {
      double error = (double) Floats.get(args.logits(), i) - Floats.get(args.labels(), i);
      total += error * error;
      MemorySegment gradient = args.gradient();
      if (gradient != null) {
        Floats.set(gradient, i, (float) (2 * error / divisor));
      }
    }
    finish(args, total / args.classes(), 0);
  }

  private static void finish(LossArgs args, double total, int correct) {
    args.result().set(JAVA_DOUBLE, 0, total);
    args.result().set(JAVA_DOUBLE, 8, correct);
  }

  private static int label(LossArgs args, int picture) {
    return args.labels().get(JAVA_INT, 4L * picture);
  }

  private static double weight(LossArgs args, int k) {
    return args.weights().length == 0 ? 1 : args.weights()[k];
  }

  /** Before anything is written: a wrong target spoils no gradient. */
  private static void checkTargets(LossArgs args, int count, float least, float most) {
    for (long i = 0; i < (long) count * args.classes(); i++) {
      float target = Floats.get(args.labels(), i);
      if (!(target >= least && target <= most)) {
        throw new IllegalArgumentException(
            "Target %d of picture %d is %s, but must be %s"
                .formatted(
                    i % args.classes(),
                    i / args.classes(),
                    target,
                    least == 0 ? "0 to 1" : "a finite number"));
      }
    }
  }
}
