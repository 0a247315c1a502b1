package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.MemorySegment;

/**
 * Sums a channel: fp32 in scratch over one picture, double in a shard's region over all of them.
 */
final class ChannelSums {
  private ChannelSums() {}

  /** Adds a picture's sums to the shard's and zeroes them. */
  static void flush(float[] scratch, int at, int channels, MemorySegment sums, long offset) {
    for (int c = 0; c < channels; c++) {
      long i = offset + 8L * c;
      sums.set(JAVA_DOUBLE, i, sums.get(JAVA_DOUBLE, i) + scratch[at + c]);
      scratch[at + c] = 0f;
    }
  }
}
