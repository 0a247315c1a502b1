package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/** The package's way to off-heap floats: every access is checked by the segment it was given. */
final class Segments {
  private Segments() {}

  /** One vector from a byte offset. */
  static FloatVector load(MemorySegment segment, long offset) {
    return FloatVector.fromMemorySegment(FLOATS, segment, offset, ByteOrder.nativeOrder());
  }

  /** One vector to a byte offset. */
  static void store(FloatVector vector, MemorySegment segment, long offset) {
    vector.intoMemorySegment(segment, offset, ByteOrder.nativeOrder());
  }

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
          .add(load(from, offset + 4L * i).mul(scale))
          .intoArray(to, at + i);
    }
    for (int i = bound; i < length; i++) {
      to[at + i] += from.get(JAVA_FLOAT, offset + 4L * i) * scale;
    }
  }
}
