package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;

/** The checks at the kernels' door: no argument may reach past the memory that it was given. */
final class ArgumentChecks {
  private ArgumentChecks() {}

  /** Returns the segment if it is off-heap, 4-byte aligned and holds at least that many bytes. */
  static MemorySegment check(MemorySegment segment, long bytes, String what) {
    if (!segment.isNative()) {
      throw new IllegalArgumentException("The " + what + " must lie off-heap");
    }
    if (segment.byteSize() < bytes) {
      throw new IllegalArgumentException(
          "The " + what + " holds " + segment.byteSize() + " bytes, but needs " + bytes);
    }
    if ((segment.address() & 3) != 0) {
      throw new IllegalArgumentException("The " + what + " must be aligned to 4 bytes");
    }
    return segment;
  }

  /** Checks a range of pictures or values against what the arguments were made for. */
  static void checkRange(int from, int to, int size, String what) {
    if (from < 0 || to < from || to > size) {
      throw new IndexOutOfBoundsException(
          "The range [" + from + ", " + to + ") lies outside the " + size + " " + what);
    }
  }

  /** Checks a heap array's length. */
  static void checkLength(float[] array, int floats, String what) {
    if (array.length < floats) {
      throw new IllegalArgumentException(
          "The " + what + " holds " + array.length + " floats, but needs " + floats);
    }
  }
}
