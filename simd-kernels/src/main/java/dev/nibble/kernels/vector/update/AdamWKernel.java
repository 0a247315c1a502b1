package dev.nibble.kernels.vector.update;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.AdamWArgs;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** One step of AdamW, in the scalar kernels' order of operations. */
public final class AdamWKernel {
  private AdamWKernel() {}

  public static void step(
      AdamWArgs args,
      int from,
      int to,
      float rate,
      float weightDecay,
      double correction1,
      double correction2) {
    MemorySegment weights = args.weights();
    MemorySegment gradients = args.gradients();
    MemorySegment means = args.mean();
    MemorySegment squares = args.square();
    // 1 - beta would lose half its digits in float.
    float keep1 = (float) args.beta1();
    float add1 = (float) (1 - args.beta1());
    float keep2 = (float) args.beta2();
    float add2 = (float) (1 - args.beta2());
    float epsilon = (float) args.epsilon();
    float shrink = (float) (1 - (double) rate * weightDecay);
    float step = (float) (rate / correction1);
    float root = (float) Math.sqrt(correction2);
    int bound = from + FLOATS.loopBound(to - from);
    for (int i = from; i < bound; i += LANES) {
      FloatVector g = FloatVector.fromMemorySegment(FLOATS, gradients, 4L * i, ORDER);
      FloatVector m =
          FloatVector.fromMemorySegment(FLOATS, means, 4L * i, ORDER).mul(keep1).add(g.mul(add1));
      FloatVector s =
          FloatVector.fromMemorySegment(FLOATS, squares, 4L * i, ORDER)
              .mul(keep2)
              .add(g.mul(g).mul(add2));
      m.intoMemorySegment(means, 4L * i, ORDER);
      s.intoMemorySegment(squares, 4L * i, ORDER);
      FloatVector move = m.div(s.sqrt().div(root).add(epsilon)).mul(step);
      FloatVector.fromMemorySegment(FLOATS, weights, 4L * i, ORDER)
          .mul(shrink)
          .sub(move)
          .intoMemorySegment(weights, 4L * i, ORDER);
    }
    for (int i = bound; i < to; i++) {
      float g = gradients.get(JAVA_FLOAT, 4L * i);
      float m = keep1 * means.get(JAVA_FLOAT, 4L * i) + add1 * g;
      float s = keep2 * squares.get(JAVA_FLOAT, 4L * i) + add2 * (g * g);
      means.set(JAVA_FLOAT, 4L * i, m);
      squares.set(JAVA_FLOAT, 4L * i, s);
      float denominator = (float) Math.sqrt(s) / root + epsilon;
      float w = shrink * weights.get(JAVA_FLOAT, 4L * i);
      weights.set(JAVA_FLOAT, 4L * i, w - step * (m / denominator));
    }
  }
}
