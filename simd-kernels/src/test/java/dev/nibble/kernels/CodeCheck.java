package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;

/** Reads codes, and says how surely a value belongs to its code. Written apart from the kernels. */
final class CodeCheck {
  private CodeCheck() {}

  /** The code of a pixel's channel, by Codec's layout; of a shared codec 0, or 1 and its level. */
  static int code(
      StoreFormat format, FeatureMap map, MemorySegment store, int picture, int pixel, int c) {
    Codec codec = format.codec();
    int group = codec.pixelsPerGroup();
    int bytes = codec.bytesPerGroup();
    long at = picture * format.bytes(map) + (long) (pixel / group) * bytes * map.channels() + c;
    long word = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      word = 256 * word + Byte.toUnsignedInt(store.get(JAVA_BYTE, at + (long) i * map.channels()));
    }
    int place = pixel % group;
    if (codec.isShared()) {
      long levels = word >> (8 * (bytes - 1));
      int level = (int) (levels >> (2 * (place / 8))) & 3;
      return (word >> place & 1) == 0 ? 0 : 1 + level;
    }
    if (codec.codes() == 3) {
      int digits = (int) (word * 243 / 256);
      return digits / (int) Math.pow(3, 4 - place) % 3;
    }
    return (int) (word >> (place * codec.bits())) % (1 << codec.bits());
  }

  /** What {@link #code} is restored to. */
  static float place(Codec codec, int code) {
    return codec.isShared() && code > 0
        ? Float.intBitsToFloat(codec.levelBits() + (code - 1) * codec.levelStep())
        : codec.place(code);
  }

  /** The same of a pixel, or of those that share its level the one that lies nearest. */
  private static double distanceToEdge(
      StageCase run, MemorySegment table, int picture, int pixel, int c) {
    Activation activation = run.stage().activation();
    FeatureMap map = run.stage().input();
    boolean shared = activation.store().codec().isShared();
    int first = shared ? pixel / 8 * 8 : pixel;
    int end = shared ? Math.min(first + 8, map.pixels()) : pixel + 1;
    double distance = Double.MAX_VALUE;
    for (int i = first; i < end; i++) {
      float value = run.x()[picture * map.values() + i * map.channels() + c];
      distance = Math.min(distance, distanceToEdge(activation, map, table, value, c));
    }
    return distance;
  }

  static float row(MemorySegment table, int row, int channels, int c) {
    return table.get(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c);
  }

  /** How far, in units of x^, a value lies from the nearest edge of a bin or of the function. */
  static double distanceToEdge(
      Activation activation, FeatureMap map, MemorySegment table, float value, int c) {
    int channels = map.channels();
    double v = line(table, ChannelTable.CODE_SCALE, channels, c, value);
    double low = line(table, ChannelTable.LOW_CODE_SCALE, channels, c, value);
    boolean isLow = low > v;
    Codec codec = activation.store().codec();
    double distance = Double.MAX_VALUE;
    for (int code = 1; code < codec.codes(); code++) {
      distance = Math.min(distance, Math.abs(Math.max(v, low) - codec.start(code)));
    }
    // From v to x^, as far as levels lie apart; of one level, v counts as x^ does.
    int hat = isLow ? ChannelTable.LOW_HAT_SCALE : ChannelTable.HAT_SCALE;
    float unit = Math.abs(row(table, hat, channels, c));
    distance *= unit == 0 ? 1 : unit;
    double z = line(table, ChannelTable.Z_SCALE, channels, c, value);
    distance = Math.min(distance, Math.abs(z - activation.nonlinearity().lowEdge()));
    distance = Math.min(distance, Math.abs(z - activation.nonlinearity().highEdge()));
    return distance;
  }

  /** Which side of the function's edges a code is of. */
  static int side(Activation activation, MemorySegment table, int channels, int c, int code) {
    float place = place(activation.store().codec(), code);
    if (place < row(table, ChannelTable.LOW, channels, c)) {
      return -1;
    }
    return place >= row(table, ChannelTable.HIGH, channels, c) ? 1 : 0;
  }

  private static double line(MemorySegment table, int row, int channels, int c, float value) {
    return (double) value * row(table, row, channels, c) + row(table, row + 1, channels, c);
  }

  /**
   * Fails where codes differ although the value does not lie at a bin's edge, or lie on different
   * sides of the function's edges, or where a picture's last group has a bit in an unused place.
   */
  static void compare(String what, StageCase run, byte[] expected, byte[] actual) {
    Activation activation = run.stage().activation();
    FeatureMap map = run.stage().input();
    int channels = map.channels();
    try (Guarded memory = new Guarded(0, false)) {
      MemorySegment table = memory.allocate(requireNonNull(run.table()));
      MemorySegment want = memory.allocate(expected);
      MemorySegment have = memory.allocate(actual);
      int group = activation.store().pixelsPerGroup();
      int padded = (map.pixels() + group - 1) / group * group;
      for (int n = 0; n < run.batch(); n++) {
        for (int i = 0; i < padded * channels; i++) {
          int pixel = i / channels;
          int c = i % channels;
          int code = code(activation.store(), map, have, n, pixel, c);
          int reference = code(activation.store(), map, want, n, pixel, c);
          boolean exists = pixel < map.pixels();
          if (code == (exists ? reference : 0)) {
            continue; // most do: naming the place of each takes longer than all kernels
          }
          String where = what + ": code of picture %d pixel %d channel %d".formatted(n, pixel, c);
          assertThat(exists).as("%s, which is %d, does not exist", where, code).isTrue();
          assertThat(Math.abs(code - reference)).as(where).isEqualTo(1);
          assertThat(distanceToEdge(run, table, n, pixel, c)).as(where).isLessThan(1e-4);
          assertThat(side(activation, table, channels, c, code))
              .as("side of the edges by %s", where)
              .isEqualTo(side(activation, table, channels, c, reference));
        }
      }
    }
  }
}
