package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.loading.Augmentations.PixelChange;
import dev.nibble.engine.data.random.SplitMix64;
import java.util.List;

/** The changes that TrivialAugment draws one of, in its wide ranges. */
final class TrivialAugment {
  private static final int LEVELS = 31;
  private static final double MOST_SHEAR = 0.99;
  private static final double MOST_DEGREES = 135;
  private static final double MOST_SHIFT = 32;
  private static final double MOST_BLEND = 0.99;

  /** A change of a strength from 0 to 1, in one direction or the other. */
  private interface Change {
    void apply(Pixels picture, double strength, int sign);
  }

  private static final List<Change> CHANGES =
      List.of(
          (picture, strength, sign) -> {},
          (picture, s, sign) -> picture.transform(1, sign * s * MOST_SHEAR, 0, 1, 0, 0),
          (picture, s, sign) -> picture.transform(1, 0, sign * s * MOST_SHEAR, 1, 0, 0),
          (picture, s, sign) -> picture.transform(1, 0, 0, 1, sign * s * MOST_SHIFT, 0),
          (picture, s, sign) -> picture.transform(1, 0, 0, 1, 0, sign * s * MOST_SHIFT),
          (picture, s, sign) -> rotate(picture, Math.toRadians(sign * s * MOST_DEGREES)),
          (picture, s, sign) -> picture.brightness(1 + sign * s * MOST_BLEND),
          (picture, s, sign) -> picture.saturation(1 + sign * s * MOST_BLEND),
          (picture, s, sign) -> picture.contrast(1 + sign * s * MOST_BLEND),
          (picture, s, sign) -> picture.sharpness(1 + sign * s * MOST_BLEND),
          (picture, s, sign) -> posterize(picture, 8 - (int) Math.round(6 * s)),
          (picture, s, sign) -> picture.map(v -> v >= 255 - 255 * s ? 255 - v : v),
          (picture, s, sign) -> picture.autoContrast(),
          (picture, s, sign) -> picture.equalize());

  private TrivialAugment() {}

  /** A {@link PixelChange}. */
  static void apply(Pixels picture, long key) {
    int which = SplitMix64.bounded(SplitMix64.at(key, 0), CHANGES.size());
    int level = SplitMix64.bounded(SplitMix64.at(key, 1), LEVELS);
    int sign = SplitMix64.at(key, 2) < 0 ? -1 : 1;
    CHANGES.get(which).apply(picture, level / (LEVELS - 1.0), sign);
  }

  private static void rotate(Pixels picture, double angle) {
    double cos = Math.cos(angle);
    double sin = Math.sin(angle);
    picture.transform(cos, -sin, sin, cos, 0, 0);
  }

  /** Keeps so many bits of each value. */
  private static void posterize(Pixels picture, int bits) {
    int mask = 0xFF << (8 - bits) & 0xFF;
    picture.map(value -> value & mask);
  }
}
