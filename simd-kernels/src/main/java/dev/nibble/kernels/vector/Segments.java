package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
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
final class Segments {
  /** Byte order of every access. */
  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private Segments() {}

  /** Copies contiguous floats into {@code rows} rows of {@code length}, {@code step} apart. */
  static void copyIn(
      MemorySegment from, long offset, float[] to, int at, int length, int step, int rows) {
    if (length == step) {
      MemorySegment.copy(from, JAVA_FLOAT, offset, to, at, length * rows);
      return;
    }
    for (int row = 0; row < rows; row++) {
      MemorySegment.copy(from, JAVA_FLOAT, offset + 4L * row * length, to, at + row * step, length);
    }
  }

  /** The way back of {@link #copyIn}. */
  static void copyOut(
      float[] from, int at, int length, int step, int rows, MemorySegment to, long offset) {
    if (length == step) {
      MemorySegment.copy(from, at, to, JAVA_FLOAT, offset, length * rows);
      return;
    }
    for (int row = 0; row < rows; row++) {
      MemorySegment.copy(from, at + row * step, to, JAVA_FLOAT, offset + 4L * row * length, length);
    }
  }

  /** Adds contiguous floats to {@code rows} rows of {@code length}, {@code step} apart. */
  static void add(
      MemorySegment from, long offset, float[] to, int at, int length, int step, int rows) {
    if (length == step) {
      addRow(from, offset, to, at, length * rows, 1f);
      return;
    }
    for (int row = 0; row < rows; row++) {
      addRow(from, offset + 4L * row * length, to, at + row * step, length, 1f);
    }
  }

  /** to[at + i] += from[i] * scale. */
  static void addRow(MemorySegment from, long offset, float[] to, int at, int length, float scale) {
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
