package dev.nibble.kernels.vector.update;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BlendArgs;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Weighted sums in place. */
public final class BlendKernel {
  private BlendKernel() {}

  /** target = keep * target + add * source; what is multiplied by 0 is not read. */
  public static void blend(BlendArgs args, int from, int to, float keep, float add) {
    if (keep == 0) {
      scale(args.source(), args.target(), from, to, add);
    } else if (add == 0) {
      scale(args.target(), args.target(), from, to, keep);
    } else {
      sum(args.source(), args.target(), from, to, keep, add);
    }
  }

  private static void scale(
      MemorySegment source, MemorySegment target, int from, int to, float factor) {
    int bound = from + FLOATS.loopBound(to - from);
    for (int i = from; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(FLOATS, source, 4L * i, ORDER)
          .mul(factor)
          .intoMemorySegment(target, 4L * i, ORDER);
    }
    for (int i = bound; i < to; i++) {
      target.set(JAVA_FLOAT, 4L * i, factor * source.get(JAVA_FLOAT, 4L * i));
    }
  }

  private static void sum(
      MemorySegment source, MemorySegment target, int from, int to, float keep, float add) {
    int bound = from + FLOATS.loopBound(to - from);
    for (int i = from; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(FLOATS, target, 4L * i, ORDER)
          .mul(keep)
          .add(FloatVector.fromMemorySegment(FLOATS, source, 4L * i, ORDER).mul(add))
          .intoMemorySegment(target, 4L * i, ORDER);
    }
    for (int i = bound; i < to; i++) {
      float kept = keep * target.get(JAVA_FLOAT, 4L * i);
      target.set(JAVA_FLOAT, 4L * i, kept + add * source.get(JAVA_FLOAT, 4L * i));
    }
  }
}
