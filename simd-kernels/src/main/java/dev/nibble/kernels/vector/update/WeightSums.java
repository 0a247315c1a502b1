package dev.nibble.kernels.vector.update;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Merges the groups' gradients of the weights along the fixed tree, neighbours first. */
public final class WeightSums {
  private WeightSums() {}

  /** Sums values {@code [from, to)} of all groups into the first one's, and copies them. */
  public static void merge(
      MemorySegment partials, int groups, long bytes, int from, int to, MemorySegment target) {
    for (int width = 1; width < groups; width *= 2) {
      for (int group = 0; group + width < groups; group += 2 * width) {
        add(partials, group * bytes, (group + width) * bytes, from, to);
      }
    }
    MemorySegment.copy(partials, 4L * from, target, 4L * from, 4L * (to - from));
  }

  /** Adds values {@code [from, end)} of the region at one byte offset to those at another. */
  public static void add(MemorySegment partials, long to, long other, int from, int end) {
    int bound = from + FLOATS.loopBound(end - from);
    for (int i = from; i < bound; i += LANES) {
      FloatVector.fromMemorySegment(FLOATS, partials, to + 4L * i, ORDER)
          .add(FloatVector.fromMemorySegment(FLOATS, partials, other + 4L * i, ORDER))
          .intoMemorySegment(partials, to + 4L * i, ORDER);
    }
    for (int i = bound; i < end; i++) {
      float sum = partials.get(JAVA_FLOAT, to + 4L * i) + partials.get(JAVA_FLOAT, other + 4L * i);
      partials.set(JAVA_FLOAT, to + 4L * i, sum);
    }
  }
}
