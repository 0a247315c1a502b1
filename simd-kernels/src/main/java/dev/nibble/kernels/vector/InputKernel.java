package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.InputArgs;
import java.lang.foreign.MemorySegment;

/**
 * Crop, mirror and normalisation of one picture of bytes. Few channels, odd starts and mirroring
 * leave nothing for vectors; a channel's row at a time keeps its coefficients out of the loop.
 */
final class InputKernel {
  private InputKernel() {}

  /** x = (byte / 255 - mean) / std; pixels from outside the picture are 0. */
  static void picture(InputArgs args, int picture) {
    FeatureMap map = args.map();
    int width = map.width();
    int channels = map.channels();
    long base = (long) picture * map.values();
    int dy = args.crops().get(JAVA_INT, 12L * picture) - args.padding();
    int dx = args.crops().get(JAVA_INT, 12L * picture + 4) - args.padding();
    boolean mirror = args.crops().get(JAVA_INT, 12L * picture + 8) != 0;
    float pictureMean = args.pictureMean() ? mean(args.pictures(), base, map.values()) : 0f;
    // Column x reads column start + x * step; those before `from` and after `to` are outside.
    int step = mirror ? -1 : 1;
    int start = mirror ? width - 1 + dx : dx;
    int from = Math.clamp(mirror ? (long) start - width + 1 : -(long) start, 0, width);
    int to = Math.clamp(mirror ? (long) start + 1 : (long) width - start, from, width);
    for (int y = 0; y < map.height(); y++) {
      long row = (long) y + dy;
      long target = 4 * (base + (long) y * width * channels);
      if (row < 0 || row >= map.height()) {
        clear(args.x(), target, width * channels);
        continue;
      }
      long source = base + (row * width + start) * channels;
      for (int c = 0; c < channels; c++) {
        float mean = args.pictureMean() ? pictureMean : args.mean().get(JAVA_FLOAT, 4L * c);
        float std = args.std().get(JAVA_FLOAT, 4L * c);
        row(args, source + c, step * channels, channels, from, to, mean, std, target + 4L * c);
      }
    }
  }

  private static void row(
      InputArgs args,
      long source,
      int step,
      int channels,
      int from,
      int to,
      float mean,
      float std,
      long target) {
    MemorySegment pictures = args.pictures();
    MemorySegment x = args.x();
    for (int i = 0; i < from; i++) {
      x.set(JAVA_FLOAT, target + 4L * i * channels, 0f);
    }
    for (int i = from; i < to; i++) {
      int value = Byte.toUnsignedInt(pictures.get(JAVA_BYTE, source + (long) i * step));
      x.set(JAVA_FLOAT, target + 4L * i * channels, (value / 255f - mean) / std);
    }
    for (int i = to; i < args.map().width(); i++) {
      x.set(JAVA_FLOAT, target + 4L * i * channels, 0f);
    }
  }

  /** Plain stores: a slice would be an allocation. */
  private static void clear(MemorySegment x, long target, int values) {
    for (int i = 0; i < values; i++) {
      x.set(JAVA_FLOAT, target + 4L * i, 0f);
    }
  }

  private static float mean(MemorySegment pictures, long first, int values) {
    long sum = 0;
    for (int i = 0; i < values; i++) {
      sum += Byte.toUnsignedInt(pictures.get(JAVA_BYTE, first + i));
    }
    return (float) (sum / (255.0 * values));
  }
}
