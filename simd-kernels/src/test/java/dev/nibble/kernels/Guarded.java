package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.fail;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Off-heap buffers between canaries. A buffer holds garbage until it is filled, so a kernel that
 * counts on zeros fails; and it may be larger than asked for, so a kernel that writes past its part
 * meets the canary instead of an exception.
 */
final class Guarded implements AutoCloseable {
  private static final int GUARD = 64;
  private static final byte CANARY = (byte) 0xA5;

  private final Arena arena = Arena.ofConfined();
  private final List<MemorySegment> blocks = new ArrayList<>();
  private final List<Long> sizes = new ArrayList<>();
  private final int skew;
  private final int slack;

  /**
   * Creates an empty set of buffers.
   *
   * @param skew bytes by which buffers of floats start off the alignment of 64, a multiple of 4
   * @param slack whether buffers are larger than asked for
   */
  Guarded(int skew, boolean slack) {
    this.skew = skew;
    this.slack = slack ? GUARD : 0;
  }

  /** A buffer of floats or bytes, aligned to 4 bytes only. */
  MemorySegment allocate(long bytes) {
    return allocate(bytes, skew);
  }

  /** A buffer of partial sums, which hold doubles: aligned to 64 bytes. */
  MemorySegment allocateAligned(long bytes) {
    return allocate(bytes, 0);
  }

  /** A buffer that holds those floats. */
  MemorySegment allocate(float[] values) {
    MemorySegment segment = allocate(4L * values.length);
    MemorySegment.copy(values, 0, segment, JAVA_FLOAT, 0, values.length);
    return segment;
  }

  /** A buffer that holds those bytes. */
  MemorySegment allocate(byte[] values) {
    MemorySegment segment = allocate(values.length);
    MemorySegment.copy(values, 0, segment, JAVA_BYTE, 0, values.length);
    return segment;
  }

  private MemorySegment allocate(long bytes, int offset) {
    MemorySegment block = arena.allocate(GUARD + offset + bytes + GUARD, 64);
    block.fill(CANARY);
    blocks.add(block.asSlice(offset, GUARD + bytes + GUARD));
    sizes.add(bytes);
    return block.asSlice(GUARD + offset, bytes + slack);
  }

  /** Fails if a byte around any buffer has changed. */
  void verify(String what) {
    for (int i = 0; i < blocks.size(); i++) {
      MemorySegment block = blocks.get(i);
      long behind = GUARD + sizes.get(i);
      for (int b = 0; b < GUARD; b++) {
        if (block.get(JAVA_BYTE, b) != CANARY || block.get(JAVA_BYTE, behind + b) != CANARY) {
          fail("%s: changed a byte beside buffer %d of %d bytes", what, i, sizes.get(i));
        }
      }
    }
  }

  static float[] floats(MemorySegment segment, int count) {
    float[] values = new float[count];
    MemorySegment.copy(segment, JAVA_FLOAT, 0, values, 0, count);
    return values;
  }

  static byte[] bytes(MemorySegment segment, long count) {
    return segment.asSlice(0, count).toArray(JAVA_BYTE);
  }

  @Override
  public void close() {
    arena.close();
  }
}
