package dev.nibble.kernels.scalar;

import static dev.nibble.kernels.scalar.Floats.coefficient;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
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
      keep(activation, map, picture, x, table, requireNonNull(store));
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
      normalize(map, requireNonNull(table), values, at);
      scale(map, requireNonNull(table), values, at);
    }
    if (activation.relu()) {
      rectify(map, values, at);
    }
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
    if (activation.relu()) {
      rectify(map, values, at);
    }
  }

  /** hat = (x - MEAN) * RSD. */
  private static void normalize(FeatureMap map, MemorySegment table, float[] values, int at) {
    int channels = map.channels();
    int end = at + map.values();
    for (int c = 0; c < channels; c++) {
      float mean = coefficient(table, ChannelTable.MEAN, channels, c);
      float rsd = coefficient(table, ChannelTable.RSD, channels, c);
      for (int i = at + c; i < end; i += channels) {
        values[i] = (values[i] - mean) * rsd;
      }
    }
  }

  /** z = fma(GAMMA, hat, BETA). */
  private static void scale(FeatureMap map, MemorySegment table, float[] values, int at) {
    int channels = map.channels();
    int end = at + map.values();
    for (int c = 0; c < channels; c++) {
      float gamma = coefficient(table, ChannelTable.GAMMA, channels, c);
      float beta = coefficient(table, ChannelTable.BETA, channels, c);
      for (int i = at + c; i < end; i += channels) {
        values[i] = Math.fma(gamma, values[i], beta);
      }
    }
  }

  private static void rectify(FeatureMap map, float[] values, int at) {
    int end = at + map.values();
    for (int i = at; i < end; i++) {
      values[i] = Math.max(values[i], 0f);
    }
  }

  /** Leaves the fp32 copy: hat with batch norm, else x. */
  private static void keep(
      Activation activation,
      FeatureMap map,
      int picture,
      MemorySegment x,
      @Nullable MemorySegment table,
      MemorySegment store) {
    int channels = map.channels();
    long first = (long) picture * map.values();
    for (int c = 0; c < channels; c++) {
      float mean = 0f;
      float rsd = 1f;
      if (activation.normalize()) {
        mean = coefficient(requireNonNull(table), ChannelTable.MEAN, channels, c);
        rsd = coefficient(table, ChannelTable.RSD, channels, c);
      }
      for (int i = c; i < map.values(); i += channels) {
        Floats.set(store, first + i, (Floats.get(x, first + i) - mean) * rsd);
      }
    }
  }

  /** Leaves the codes, group by group; the bits that a picture's last group does not use are 0. */
  private static void encode(
      Activation activation,
      FeatureMap map,
      int picture,
      MemorySegment x,
      MemorySegment table,
      MemorySegment store) {
    StoreFormat format = activation.store();
    int channels = map.channels();
    int group = format.pixelsPerGroup();
    long first = (long) picture * map.values();
    long base = picture * format.bytes(map);
    int top = (1 << format.bits()) - 1;
    for (int c = 0; c < channels; c++) {
      float mean = coefficient(table, ChannelTable.MEAN, channels, c);
      float rsd = coefficient(table, ChannelTable.RSD, channels, c);
      float gamma = coefficient(table, ChannelTable.GAMMA, channels, c);
      float beta = coefficient(table, ChannelTable.BETA, channels, c);
      float scale = coefficient(table, ChannelTable.CODE_SCALE, channels, c);
      float offset = coefficient(table, ChannelTable.CODE_OFFSET, channels, c);
      float edge = coefficient(table, ChannelTable.EDGE, channels, c);
      for (int pixel = 0; pixel < map.pixels(); pixel += group) {
        int packed = 0;
        for (int j = 0; j < group && pixel + j < map.pixels(); j++) {
          float value = Floats.get(x, first + (long) (pixel + j) * channels + c);
          float hat = (value - mean) * rsd;
          float v = Math.fma(hat, scale, offset);
          if (activation.relu()) {
            float z = activation.normalize() ? Math.fma(gamma, hat, beta) : value;
            v = z > 0 ? Math.max(v, edge) : Math.min(v, edge - 1);
          }
          int code = (int) Math.min(Math.max(v, 0f), (float) top);
          packed |= code << (j * format.bits());
        }
        store.set(JAVA_BYTE, base + (long) (pixel / group) * channels + c, (byte) packed);
      }
    }
  }

  /** a~ = fma(code, ACT_SCALE, ACT_OFFSET), with a ReLU: code >= EDGE ? max(a~, 0) : 0. */
  private static void decode(
      Activation activation,
      FeatureMap map,
      int picture,
      MemorySegment table,
      MemorySegment store,
      float[] values,
      int at) {
    StoreFormat format = activation.store();
    int channels = map.channels();
    long base = picture * format.bytes(map);
    for (int c = 0; c < channels; c++) {
      float scale = coefficient(table, ChannelTable.ACT_SCALE, channels, c);
      float offset = coefficient(table, ChannelTable.ACT_OFFSET, channels, c);
      float edge = coefficient(table, ChannelTable.EDGE, channels, c);
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        int code = Codes.get(store, base, format.bits(), channels, pixel, c);
        float value = Math.fma((float) code, scale, offset);
        if (activation.relu()) {
          value = code >= edge ? Math.max(value, 0f) : 0f;
        }
        values[at + pixel * channels + c] = value;
      }
    }
  }
}
