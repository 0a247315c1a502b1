package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.InputArgs;
import java.lang.foreign.MemorySegment;

/** Crop, mirror and normalisation of one picture of bytes. */
final class ScalarInput {
  private ScalarInput() {}

  /** x = (byte / 255 - mean) / std; pixels from outside the picture are 0. */
  static void picture(InputArgs args, int picture) {
    FeatureMap map = args.map();
    long first = (long) picture * map.values();
    int dy = args.crops().get(JAVA_INT, 12L * picture);
    int dx = args.crops().get(JAVA_INT, 12L * picture + 4);
    boolean mirror = args.crops().get(JAVA_INT, 12L * picture + 8) != 0;
    float pictureMean = args.pictureMean() ? mean(args.pictures(), first, map.values()) : 0f;
    for (int y = 0; y < map.height(); y++) {
      int sourceY = y + dy - args.padding();
      for (int x = 0; x < map.width(); x++) {
        int sourceX = (mirror ? map.width() - 1 - x : x) + dx - args.padding();
        boolean inside =
            sourceY >= 0 && sourceY < map.height() && sourceX >= 0 && sourceX < map.width();
        long target = first + (long) (y * map.width() + x) * map.channels();
        for (int c = 0; c < map.channels(); c++) {
          float value = 0f;
          if (inside) {
            long source = first + (long) (sourceY * map.width() + sourceX) * map.channels() + c;
            float mean = args.pictureMean() ? pictureMean : Floats.get(args.mean(), c);
            value = (unsigned(args.pictures(), source) / 255f - mean) / Floats.get(args.std(), c);
          }
          Floats.set(args.x(), target + c, value);
        }
      }
    }
  }

  private static float mean(MemorySegment pictures, long first, int values) {
    long sum = 0;
    for (int i = 0; i < values; i++) {
      sum += unsigned(pictures, first + i);
    }
    return (float) (sum / (255.0 * values));
  }

  private static int unsigned(MemorySegment pictures, long index) {
    return Byte.toUnsignedInt(pictures.get(JAVA_BYTE, index));
  }
}
