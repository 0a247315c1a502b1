package dev.nibble.kernels.scalar;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;

/** What was stored of a value. */
final class Codes {
  private Codes() {}

  /** What was stored of one value: itself in fp32, else its code's place. */
  static float stored(
      StoreFormat format, FeatureMap map, MemorySegment store, int picture, int pixel, int c) {
    int channels = map.channels();
    if (format == StoreFormat.FP32) {
      return Floats.get(store, (long) picture * map.values() + (long) pixel * channels + c);
    }
    long base = picture * format.bytes(map);
    return format.codec().place(store, base, channels, pixel, c);
  }
}
