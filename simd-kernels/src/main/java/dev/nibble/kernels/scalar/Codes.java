package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;

/** Where a K-bit code lies in its store, and the normalised value that it stands for. */
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

  /** The stored hat of one value: itself in fp32, the centre of its bin for codes. */
  static float hat(
      StoreFormat format,
      FeatureMap map,
      MemorySegment store,
      MemorySegment table,
      int picture,
      int pixel,
      int c) {
    int channels = map.channels();
    if (format == StoreFormat.FP32) {
      return Floats.get(store, (long) picture * map.values() + (long) pixel * channels + c);
    }
    int code = get(store, picture * format.bytes(map), format.bits(), channels, pixel, c);
    return Math.fma(
        (float) code,
        Floats.coefficient(table, ChannelTable.HAT_SCALE, channels, c),
        Floats.coefficient(table, ChannelTable.HAT_OFFSET, channels, c));
  }
}
