package dev.nibble.kernels.vector.activation;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.MemorySegment;

/** Sums a channel: fp32 in scratch over a band, double in a leaf's region over all of them. */
public final class ChannelSums {
  private ChannelSums() {}

  /** Adds the sums of channels {@code [from, to)} to the leaf's and zeroes them. */
  public static void flush(
      float[] scratch, int at, int from, int to, MemorySegment sums, long offset) {
    for (int c = from; c < to; c++) {
      long i = offset + 8L * c;
      sums.set(JAVA_DOUBLE, i, sums.get(JAVA_DOUBLE, i) + scratch[at + c]);
      scratch[at + c] = 0f;
    }
  }
}
