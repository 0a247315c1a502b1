package dev.nibble.kernels.vector.base;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * Rows of floats between off-heap memory and scratch; every access is checked by the segment.
 *
 * <p>Here and in all hot loops of this package vectors meet the Vector API's own methods only: C2
 * inlines those whatever it has inlined before, but not ours, and a vector that is passed to a call
 * is an object on the heap.
 */
public final class Segments {
  /** Byte order of every access. */
  public static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** Bytes of a cache line, on all processors that matter here. */
  private static final int LINE = 64;

  /** Most bytes that are touched ahead: half of a first-level cache of 32 KiB. */
  private static final int AHEAD = 1 << 14;

  private Segments() {}

  /**
   * Reads a byte of every cache line of a range in order, before loops walk it by columns: memory
   * is fetched ahead of reads that go up line by line, but not of those that jump from pixel to
   * pixel. A range that the nearest cache does not hold beside others is left alone.
   *
   * @param sink index in scratch of a float that may be overwritten; without it the reads would be
   *     dead code
   */
  public static void touch(
      MemorySegment memory, long offset, long bytes, float[] scratch, int sink) {
    if (bytes > AHEAD) {
      return;
    }
    int lines = (int) (bytes / LINE);
    int sum = 0;
    for (int i = 0; i < lines; i++) {
      sum += memory.get(JAVA_BYTE, offset + (long) i * LINE);
    }
    scratch[sink] = Float.intBitsToFloat(sum);
  }

  /**
   * Copies rows of {@code length} floats that lie {@code fromStep} floats apart to rows that lie
   * {@code toStep} apart.
   */
  public static void copyIn(
      MemorySegment from,
      long offset,
      int fromStep,
      float[] to,
      int at,
      int length,
      int toStep,
      int rows) {
    if (length == fromStep && length == toStep) {
      MemorySegment.copy(from, JAVA_FLOAT, offset, to, at, length * rows);
      return;
    }
    for (int row = 0; row < rows; row++) {
      MemorySegment.copy(
          from, JAVA_FLOAT, offset + 4L * row * fromStep, to, at + row * toStep, length);
    }
  }

  /** The way back of {@link #copyIn}. */
  public static void copyOut(
      float[] from,
      int at,
      int fromStep,
      MemorySegment to,
      long offset,
      int length,
      int toStep,
      int rows) {
    if (length == fromStep && length == toStep) {
      MemorySegment.copy(from, at, to, JAVA_FLOAT, offset, length * rows);
      return;
    }
    for (int row = 0; row < rows; row++) {
      MemorySegment.copy(
          from, at + row * fromStep, to, JAVA_FLOAT, offset + 4L * row * toStep, length);
    }
  }

  /** Adds rows instead of copying them; the parameters are those of {@link #copyIn}. */
  public static void add(
      MemorySegment from,
      long offset,
      int fromStep,
      float[] to,
      int at,
      int length,
      int toStep,
      int rows) {
    if (length == fromStep && length == toStep) {
      addRow(from, offset, to, at, length * rows, 1f);
      return;
    }
    for (int row = 0; row < rows; row++) {
      addRow(from, offset + 4L * row * fromStep, to, at + row * toStep, length, 1f);
    }
  }

  /** to[at + i] += from[i] * scale. */
  public static void addRow(
      MemorySegment from, long offset, float[] to, int at, int length, float scale) {
    int bound = FLOATS.loopBound(length);
    for (int i = 0; i < bound; i += LANES) {
      FloatVector.fromArray(FLOATS, to, at + i)
          .add(FloatVector.fromMemorySegment(FLOATS, from, offset + 4L * i, ORDER).mul(scale))
          .intoArray(to, at + i);
    }
    for (int i = bound; i < length; i++) {
      to[at + i] += from.get(JAVA_FLOAT, offset + 4L * i) * scale;
    }
  }
}
