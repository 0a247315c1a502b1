package dev.nibble.kernels.scalar;

import static dev.nibble.kernels.scalar.Floats.coefficient;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Batch norm and ReLU of one picture, its copy for the backward pass, and the way back from that
 * copy. Formulas: {@link ChannelTable}.
 */
final class ScalarActivation {
  private ScalarActivation() {}

  /**
   * Writes the picture's copy and the values that the operator reads: exact, or restored if naive.
   */
  static void forward(
      Activation activation,
      FeatureMap map,
      int picture,
      MemorySegment x,
      @Nullable MemorySegment table,
      @Nullable MemorySegment store,
      float[] values,
      int at) {
    StoreFormat format = activation.store();
    if (format == StoreFormat.FP32) {
      MemorySegment.copy(
          x, picture * map.bytes(), requireNonNull(store), picture * map.bytes(), map.bytes());
    } else if (format.isCodes()) {
      encode(activation, map, picture, x, requireNonNull(table), requireNonNull(store));
    }
    if (activation.naive()) {
      decode(activation, map, picture, requireNonNull(table), requireNonNull(store), values, at);
    } else {
      read(activation, map, picture, x, table, values, at);
    }
  }

  /** The exact values that an operator or a shortcut reads. */
  static void read(
      Activation activation,
      FeatureMap map,
      int picture,
      MemorySegment x,
      @Nullable MemorySegment table,
      float[] values,
      int at) {
    Floats.load(x, (long) picture * map.values(), map.values(), values, at);
    if (activation.normalize()) {
      scale(map, requireNonNull(table), values, at);
    }
    apply(activation.nonlinearity(), map, table, values, at);
  }

  /** The values that the backward pass uses: from the kept input, the fp32 copy or the codes. */
  static void restore(
      Activation activation,
      FeatureMap map,
      int picture,
      @Nullable MemorySegment x,
      @Nullable MemorySegment table,
      @Nullable MemorySegment store,
      float[] values,
      int at) {
    if (activation.store().isCodes()) {
      decode(activation, map, picture, requireNonNull(table), requireNonNull(store), values, at);
      return;
    }
    MemorySegment source = requireNonNull(activation.store() == StoreFormat.FP32 ? store : x);
    Floats.load(source, (long) picture * map.values(), map.values(), values, at);
    if (activation.normalize()) {
      scale(map, requireNonNull(table), values, at);
    }
    apply(activation.nonlinearity(), map, table, values, at);
  }

  /** z = fma(x, Z_SCALE, Z_OFFSET). */
  private static void scale(FeatureMap map, MemorySegment table, float[] values, int at) {
    int channels = map.channels();
    int end = at + map.values();
    for (int c = 0; c < channels; c++) {
      float scale = coefficient(table, ChannelTable.Z_SCALE, channels, c);
      float offset = coefficient(table, ChannelTable.Z_OFFSET, channels, c);
      for (int i = at + c; i < end; i += channels) {
        values[i] = Math.fma(values[i], scale, offset);
      }
    }
  }

  private static void apply(
      Nonlinearity function,
      FeatureMap map,
      @Nullable MemorySegment table,
      float[] values,
      int at) {
    int channels = map.channels();
    for (int i = 0; i < map.values(); i++) {
      values[at + i] =
          function.value(values[at + i], slope(function, table, channels, i % channels));
    }
  }

  /** The channel's slope; 0 for a function without slopes. */
  static float slope(Nonlinearity function, @Nullable MemorySegment table, int channels, int c) {
    return function.hasSlope()
        ? coefficient(requireNonNull(table), ChannelTable.SLOPE, channels, c)
        : 0f;
  }

  /** Leaves the codes, group by group; the bits that a picture's last group does not use are 0. */
  private static void encode(
      Activation activation,
      FeatureMap map,
      int picture,
      MemorySegment x,
      MemorySegment table,
      MemorySegment store) {
    Codec codec = activation.store().codec();
    int channels = map.channels();
    int word = codec.pixelsPerWord();
    long first = (long) picture * map.values();
    long base = picture * codec.bytes(map);
    for (int c = 0; c < channels; c++) {
      float zScale = coefficient(table, ChannelTable.Z_SCALE, channels, c);
      float zOffset = coefficient(table, ChannelTable.Z_OFFSET, channels, c);
      float scale = coefficient(table, ChannelTable.CODE_SCALE, channels, c);
      float offset = coefficient(table, ChannelTable.CODE_OFFSET, channels, c);
      float lowScale = coefficient(table, ChannelTable.LOW_CODE_SCALE, channels, c);
      float lowOffset = coefficient(table, ChannelTable.LOW_CODE_OFFSET, channels, c);
      float low = coefficient(table, ChannelTable.LOW, channels, c);
      float high = coefficient(table, ChannelTable.HIGH, channels, c);
      for (int pixel = 0; pixel < map.pixels(); pixel += word) {
        int packed = 0;
        int count = Math.min(word, map.pixels() - pixel);
        for (int j = 0; j < count; j++) {
          float value = Floats.get(x, first + (long) (pixel + j) * channels + c);
          float v = Math.fma(value, scale, offset);
          v = Math.max(v, Math.fma(value, lowScale, lowOffset));
          int side = activation.nonlinearity().side(Math.fma(value, zScale, zOffset));
          packed = codec.add(packed, codec.encode(v, low, high, side), j);
        }
        codec.put(store, base, channels, pixel, c, packed, count);
      }
    }
  }

  /** The restored argument goes through the function; some tables' rows hold the value. */
  private static void decode(
      Activation activation,
      FeatureMap map,
      int picture,
      MemorySegment table,
      MemorySegment store,
      float[] values,
      int at) {
    Codec codec = activation.store().codec();
    Nonlinearity function = activation.nonlinearity();
    boolean direct = activation.isDirect();
    int channels = map.channels();
    long base = picture * codec.bytes(map);
    for (int c = 0; c < channels; c++) {
      float slope = slope(function, table, channels, c);
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        float w = codec.place(store, base, channels, pixel, c);
        values[at + pixel * channels + c] =
            direct
                ? line(table, channels, c, w)
                : function.value(argument(function, table, channels, c, w), slope);
      }
    }
  }

  /** z~ = w >= EDGE ? fma(w, ACT_SCALE, ACT_OFFSET) : fma(w, LOW_ACT_SCALE, LOW_ACT_OFFSET). */
  private static float line(MemorySegment table, int channels, int c, float w) {
    boolean low = w < coefficient(table, ChannelTable.EDGE, channels, c);
    int row = low ? ChannelTable.LOW_ACT_SCALE : ChannelTable.ACT_SCALE;
    return Math.fma(
        w, coefficient(table, row, channels, c), coefficient(table, row + 1, channels, c));
  }

  /** The restored argument of a function, on the side of its edges that the code says. */
  static float argument(Nonlinearity function, MemorySegment table, int channels, int c, float w) {
    int side = w < coefficient(table, ChannelTable.LOW, channels, c) ? -1 : 0;
    if (w >= coefficient(table, ChannelTable.HIGH, channels, c)) {
      side = 1;
    }
    return function.onSide(line(table, channels, c, w), side);
  }
}
