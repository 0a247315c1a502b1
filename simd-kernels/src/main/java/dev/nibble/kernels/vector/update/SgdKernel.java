package dev.nibble.kernels.vector.update;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.SgdArgs;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** One step of SGD with momentum, the plain one or Nesterov's. */
public final class SgdKernel {
  private SgdKernel() {}

  /** v = momentum * v + (gradient + weightDecay * w); w -= rate * v. */
  public static void step(
      SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    MemorySegment weights = args.weights();
    MemorySegment gradients = args.gradients();
    MemorySegment velocities = args.momentum();
    int bound = from + FLOATS.loopBound(to - from);
    for (int i = from; i < bound; i += LANES) {
      FloatVector w = FloatVector.fromMemorySegment(FLOATS, weights, 4L * i, ORDER);
      FloatVector v =
          FloatVector.fromMemorySegment(FLOATS, velocities, 4L * i, ORDER)
              .mul(momentum)
              .add(
                  FloatVector.fromMemorySegment(FLOATS, gradients, 4L * i, ORDER)
                      .add(w.mul(weightDecay)));
      v.intoMemorySegment(velocities, 4L * i, ORDER);
      w.sub(v.mul(rate)).intoMemorySegment(weights, 4L * i, ORDER);
    }
    for (int i = bound; i < to; i++) {
      float w = weights.get(JAVA_FLOAT, 4L * i);
      float v =
          momentum * velocities.get(JAVA_FLOAT, 4L * i)
              + (gradients.get(JAVA_FLOAT, 4L * i) + weightDecay * w);
      velocities.set(JAVA_FLOAT, 4L * i, v);
      weights.set(JAVA_FLOAT, 4L * i, w - rate * v);
    }
  }

  /** d = gradient + weightDecay * w; v = momentum * v + d; w -= rate * (d + momentum * v). */
  public static void nesterov(
      SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    MemorySegment weights = args.weights();
    MemorySegment gradients = args.gradients();
    MemorySegment velocities = args.momentum();
    int bound = from + FLOATS.loopBound(to - from);
    for (int i = from; i < bound; i += LANES) {
      FloatVector w = FloatVector.fromMemorySegment(FLOATS, weights, 4L * i, ORDER);
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradients, 4L * i, ORDER).add(w.mul(weightDecay));
      FloatVector v =
          FloatVector.fromMemorySegment(FLOATS, velocities, 4L * i, ORDER).mul(momentum).add(d);
      v.intoMemorySegment(velocities, 4L * i, ORDER);
      w.sub(d.add(v.mul(momentum)).mul(rate)).intoMemorySegment(weights, 4L * i, ORDER);
    }
    for (int i = bound; i < to; i++) {
      float w = weights.get(JAVA_FLOAT, 4L * i);
      float d = gradients.get(JAVA_FLOAT, 4L * i) + weightDecay * w;
      float v = momentum * velocities.get(JAVA_FLOAT, 4L * i) + d;
      velocities.set(JAVA_FLOAT, 4L * i, v);
      weights.set(JAVA_FLOAT, 4L * i, w - rate * (d + momentum * v));
    }
  }
}
