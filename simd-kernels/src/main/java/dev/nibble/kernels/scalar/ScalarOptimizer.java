package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.SgdArgs;
import java.lang.foreign.MemorySegment;

/**
 * The optimisers and what else goes through the weights value by value. Every product and sum is
 * rounded to a float of its own, so that any number of lanes gives the same bits.
 */
final class ScalarOptimizer {
  private ScalarOptimizer() {}

  /** v = momentum * v + (gradient + weightDecay * w); w -= rate * v. */
  static void sgd(SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    MemorySegment weights = args.weights();
    MemorySegment velocities = args.momentum();
    for (int i = from; i < to; i++) {
      float w = Floats.get(weights, i);
      float d = Floats.get(args.gradients(), i) + weightDecay * w;
      float v = momentum * Floats.get(velocities, i) + d;
      Floats.set(velocities, i, v);
      Floats.set(weights, i, w - rate * v);
    }
  }

  /** d = gradient + weightDecay * w; v = momentum * v + d; w -= rate * (d + momentum * v). */
  static void nesterov(
      SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    MemorySegment weights = args.weights();
    MemorySegment velocities = args.momentum();
    for (int i = from; i < to; i++) {
      float w = Floats.get(weights, i);
      float d = Floats.get(args.gradients(), i) + weightDecay * w;
      float v = momentum * Floats.get(velocities, i) + d;
      Floats.set(velocities, i, v);
      Floats.set(weights, i, w - rate * (d + momentum * v));
    }
  }

  static void adamW(
      AdamWArgs args,
      int from,
      int to,
      float rate,
      float weightDecay,
      double correction1,
      double correction2) {
    // 1 - beta would lose half its digits in float.
    float keep1 = (float) args.beta1();
    float add1 = (float) (1 - args.beta1());
    float keep2 = (float) args.beta2();
    float add2 = (float) (1 - args.beta2());
    float epsilon = (float) args.epsilon();
    float shrink = (float) (1 - (double) rate * weightDecay);
    float step = (float) (rate / correction1);
    float root = (float) Math.sqrt(correction2);
    for (int i = from; i < to; i++) {
      float g = Floats.get(args.gradients(), i);
      float m = keep1 * Floats.get(args.mean(), i) + add1 * g;
      float s = keep2 * Floats.get(args.square(), i) + add2 * (g * g);
      Floats.set(args.mean(), i, m);
      Floats.set(args.square(), i, s);
      float denominator = (float) Math.sqrt(s) / root + epsilon;
      float w = shrink * Floats.get(args.weights(), i);
      Floats.set(args.weights(), i, w - step * (m / denominator));
    }
  }

  static void blend(BlendArgs args, int from, int to, float keep, float add) {
    MemorySegment target = args.target();
    for (int i = from; i < to; i++) {
      float value;
      if (keep == 0) {
        value = add * Floats.get(args.source(), i);
      } else if (add == 0) {
        value = keep * Floats.get(target, i);
      } else {
        value = keep * Floats.get(target, i) + add * Floats.get(args.source(), i);
      }
      Floats.set(target, i, value);
    }
  }

  /** Four sums side by side, because one addition has to wait for the one before it. */
  static double sumOfSquares(MemorySegment values, int from, int to) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = from;
    for (; i < to - 3; i += 4) {
      a += square(values, i);
      b += square(values, i + 1);
      c += square(values, i + 2);
      d += square(values, i + 3);
    }
    for (; i < to; i++) {
      a += square(values, i);
    }
    return (a + b) + (c + d);
  }

  private static double square(MemorySegment values, int i) {
    double value = values.get(JAVA_FLOAT, 4L * i);
    return value * value;
  }
}
