package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;

/** Where a K-bit code lies in its store, and how values and codes are made of each other. */
final class Codes {
  private Codes() {}

  /** The code of a pixel's channel; {@code base} is the picture's first byte. */
  static int get(MemorySegment store, long base, int bits, int channels, int pixel, int c) {
    // bits is 8, 4 or 2, so that a byte holds 1, 2 or 4 pixels: shifts instead of divisions.
    int log = 3 - Integer.numberOfTrailingZeros(bits);
    int shift = (pixel & ((1 << log) - 1)) * bits;
    int packed = store.get(JAVA_BYTE, base + (long) (pixel >> log) * channels + c);
    return (packed >> shift) & ((1 << bits) - 1);
  }

  /** What was stored of one value: itself in fp32, else its code. */
  static float stored(
      StoreFormat format, FeatureMap map, MemorySegment store, int picture, int pixel, int c) {
    int channels = map.channels();
    if (format == StoreFormat.FP32) {
      return Floats.get(store, (long) picture * map.values() + (long) pixel * channels + c);
    }
    return get(store, picture * format.bytes(map), format.bits(), channels, pixel, c);
  }

  /**
   * The code of v = fma(x, CODE_SCALE, CODE_OFFSET).
   *
   * @param positive whether the value lies on the positive side of the ReLU
   */
  static int encode(float v, int bits, float edge, boolean positive) {
    int origin = 1 << bits;
    int low = positive ? origin + (int) edge : origin;
    int high = positive ? 2 * origin : origin + (int) edge;
    // Cut with compares that send what is not a number to a code that exists.
    int cut = v < low ? low : v < high ? (int) v : high - 1;
    return Math.max(cut, low) - origin;
  }
}
