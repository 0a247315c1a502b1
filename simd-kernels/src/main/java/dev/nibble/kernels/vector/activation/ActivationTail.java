package dev.nibble.kernels.vector.activation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Loading and restoring one value at a time: the channels that fill no vector. */
final class ActivationTail {
  private ActivationTail() {}

  /**
   * The part of {@link ActivationLoader} for channels {@code [firstChannel, endChannel)}: behind a
   * ReLU values, of another function its arguments.
   */
  static void load(
      Activation activation,
      StoreFormat format,
      int channels,
      int pixels,
      int firstChannel,
      int endChannel,
      MemorySegment x,
      long from,
      @Nullable MemorySegment store,
      long copy,
      float[] scratch,
      int table,
      int to) {
    int word = format.isCodes() ? format.codec().pixelsPerWord() : 1;
    int row = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      int rows = table + c;
      float zScale = scratch[rows + ChannelTable.Z_SCALE * row];
      float zOffset = scratch[rows + ChannelTable.Z_OFFSET * row];
      float scale = scratch[rows + ChannelTable.CODE_SCALE * row];
      float offset = scratch[rows + ChannelTable.CODE_OFFSET * row];
      float lowScale = scratch[rows + ChannelTable.LOW_CODE_SCALE * row];
      float lowOffset = scratch[rows + ChannelTable.LOW_CODE_OFFSET * row];
      float low = scratch[rows + ChannelTable.LOW * row];
      float high = scratch[rows + ChannelTable.HIGH * row];
      for (int first = 0; first < pixels; first += word) {
        int packed = 0;
        int count = Math.min(word, pixels - first);
        for (int j = 0; j < count; j++) {
          int i = (first + j) * channels + c;
          float value = x.get(JAVA_FLOAT, from + 4L * i);
          float z = Math.fma(value, zScale, zOffset);
          boolean off = activation.relu() && z <= 0f;
          if (format == StoreFormat.FP32) {
            requireNonNull(store).set(JAVA_FLOAT, copy + 4L * i, value);
          } else if (format.isCodes()) {
            float v = Math.fma(value, scale, offset);
            v = Math.max(v, Math.fma(value, lowScale, lowOffset));
            int side = activation.nonlinearity().side(z);
            packed = format.codec().add(packed, format.codec().encode(v, low, high, side), j);
          }
          scratch[to + i] = off ? 0f : z;
        }
        if (format.isCodes()) {
          format.codec().put(requireNonNull(store), copy, channels, first, c, packed, count);
        }
      }
    }
  }

  /**
   * The part of {@link ActivationRestorer} for channels {@code [firstChannel, endChannel)}.
   *
   * @param first the first pixel
   * @param copy where the picture's copy begins
   */
  static void restore(
      Activation activation,
      int channels,
      int first,
      int pixels,
      int firstChannel,
      int endChannel,
      MemorySegment store,
      long copy,
      float[] scratch,
      int table,
      int to,
      int stride) {
    StoreFormat format = activation.store();
    Nonlinearity function = activation.nonlinearity();
    boolean direct = format.isCodes() && activation.isDirect();
    int row = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      float slope = scratch[table + ChannelTable.SLOPE * row + c];
      for (int p = 0; p < pixels; p++) {
        float q = stored(format, store, copy, channels, first + p, c);
        float z = argument(activation, row, scratch, table + c, q);
        scratch[to + p * stride + c] = direct ? z : function.value(z, slope);
      }
    }
  }

  /**
   * The argument of the activation's function, by what was stored of it; behind codes of a ReLU or
   * none, its value.
   *
   * @param row floats from row to row of the table
   * @param rows index of the channel in the table's first row
   */
  static float argument(Activation activation, int row, float[] scratch, int rows, float q) {
    if (!activation.store().isCodes()) {
      float scale = scratch[rows + ChannelTable.Z_SCALE * row];
      return Math.fma(q, scale, scratch[rows + ChannelTable.Z_OFFSET * row]);
    }
    boolean low = q < scratch[rows + ChannelTable.EDGE * row];
    int line = rows + (low ? ChannelTable.LOW_ACT_SCALE : ChannelTable.ACT_SCALE) * row;
    float z = Math.fma(q, scratch[line], scratch[line + row]);
    if (activation.isDirect()) {
      return z;
    }
    int side = q < scratch[rows + ChannelTable.LOW * row] ? -1 : 0;
    if (q >= scratch[rows + ChannelTable.HIGH * row]) {
      side = 1;
    }
    return activation.nonlinearity().onSide(z, side);
  }

  /** What was stored of a pixel's channel: itself in fp32, else its code's place. */
  static float stored(
      StoreFormat format, MemorySegment store, long copy, int channels, int pixel, int c) {
    if (format == StoreFormat.FP32) {
      return store.get(JAVA_FLOAT, copy + 4L * ((long) pixel * channels + c));
    }
    return format.codec().place(store, copy, channels, pixel, c);
  }
}
