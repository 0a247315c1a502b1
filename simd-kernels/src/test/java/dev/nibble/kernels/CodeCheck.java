package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;

/** Reads codes, and says how surely a value belongs to its code. Written apart from the kernels. */
final class CodeCheck {
  private CodeCheck() {}

  /** The code of a pixel's channel, by StoreFormat's layout. */
  static int code(
      StoreFormat format, FeatureMap map, MemorySegment store, int picture, int pixel, int c) {
    int group = 8 / format.bits();
    long at = picture * format.bytes(map) + (long) (pixel / group) * map.channels() + c;
    int packed = Byte.toUnsignedInt(store.get(JAVA_BYTE, at));
    return (packed >> (pixel % group * format.bits())) % (1 << format.bits());
  }

  static float row(MemorySegment table, int row, int channels, int c) {
    return table.get(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c);
  }

  /** How far, in units of x^, a value lies from the nearest edge of a bin or of the ReLU. */
  static double distanceToEdge(
      Activation activation, FeatureMap map, MemorySegment table, float value, int c) {
    int channels = map.channels();
    double v =
        (double) value * row(table, ChannelTable.CODE_SCALE, channels, c)
            + row(table, ChannelTable.CODE_OFFSET, channels, c);
    double distance = Math.abs(v - Math.rint(v)) * activation.store().step();
    if (activation.relu()) {
      double z =
          (double) value * row(table, ChannelTable.Z_SCALE, channels, c)
              + row(table, ChannelTable.Z_OFFSET, channels, c);
      distance = Math.min(distance, Math.abs(z));
    }
    return distance;
  }

  /**
   * Fails where codes differ although the value does not lie at a bin's edge, or lie on different
   * sides of the ReLU's edge, or where a picture's last group has a bit in an unused place.
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
          String where = what + ": code of picture %d pixel %d channel %d".formatted(n, pixel, c);
          if (pixel >= map.pixels()) {
            assertThat(code).as("%s, which does not exist", where).isZero();
          } else if (code != reference) {
            float edge = row(table, ChannelTable.EDGE, channels, c);
            assertThat(Math.abs(code - reference)).as(where).isEqualTo(1);
            assertThat(distanceToEdge(activation, map, table, run.x()[n * map.values() + i], c))
                .as(where)
                .isLessThan(1e-4);
            assertThat(activation.relu() && code >= edge)
                .as("mask by %s", where)
                .isEqualTo(activation.relu() && reference >= edge);
          }
        }
      }
    }
  }
}
