package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.ChannelTable;
import java.lang.foreign.MemorySegment;

/** Reading and writing fp32 values by index, and pictures by number. */
final class Floats {
  private Floats() {}

  static float get(MemorySegment segment, long index) {
    return segment.get(JAVA_FLOAT, 4L * index);
  }

  static void set(MemorySegment segment, long index, float value) {
    segment.set(JAVA_FLOAT, 4L * index, value);
  }

  /** A coefficient of a channel. */
  static float coefficient(MemorySegment table, int row, int channels, int c) {
    return table.get(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c);
  }

  /** Copies {@code count} values, from index {@code from} of the segment, into an array. */
  static void load(MemorySegment segment, long from, int count, float[] target, int at) {
    MemorySegment.copy(segment, JAVA_FLOAT, 4L * from, target, at, count);
  }

  /** Writes one picture of {@code count} values. */
  static void store(float[] source, int at, int count, MemorySegment segment, int picture) {
    MemorySegment.copy(source, at, segment, JAVA_FLOAT, 4L * picture * count, count);
  }
}
