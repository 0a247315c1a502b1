package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Loading and restoring one value at a time: the channels that fill no vector, and the pixels that
 * fill no byte of codes.
 */
final class ActivationTail {
  private ActivationTail() {}

  /** The part of {@link ActivationLoader} for channels {@code [firstChannel, endChannel)}. */
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
    int group = format.pixelsPerGroup();
    int row = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      int rows = table + c;
      for (int first = 0; first < pixels; first += group) {
        int packed = 0;
        for (int j = 0; j < group && first + j < pixels; j++) {
          int i = (first + j) * channels + c;
          float value = x.get(JAVA_FLOAT, from + 4L * i);
          float hat =
              (value - scratch[rows + ChannelTable.MEAN * row])
                  * scratch[rows + ChannelTable.RSD * row];
          float z = value;
          if (activation.normalize()) {
            z =
                Math.fma(
                    scratch[rows + ChannelTable.GAMMA * row],
                    hat,
                    scratch[rows + ChannelTable.BETA * row]);
          }
          if (format == StoreFormat.FP32) {
            requireNonNull(store)
                .set(JAVA_FLOAT, copy + 4L * i, activation.normalize() ? hat : value);
          } else if (format.isCodes()) {
            packed |= code(activation, format, hat, z, scratch, rows, row) << (j * format.bits());
          }
          scratch[to + i] = activation.relu() ? Math.max(z, 0f) : z;
        }
        if (format.isCodes()) {
          requireNonNull(store)
              .set(JAVA_BYTE, copy + (long) (first / group) * channels + c, (byte) packed);
        }
      }
    }
  }

  private static int code(
      Activation activation,
      StoreFormat format,
      float hat,
      float z,
      float[] scratch,
      int rows,
      int row) {
    int top = (1 << format.bits()) - 1;
    float v =
        Math.fma(
            hat,
            scratch[rows + ChannelTable.CODE_SCALE * row],
            scratch[rows + ChannelTable.CODE_OFFSET * row]);
    int edge = (int) scratch[rows + ChannelTable.EDGE * row];
    int least = activation.relu() && z > 0 ? edge : 0;
    int most = activation.relu() && !(z > 0) ? edge - 1 : top;
    return Math.min(Math.max((int) v, least), most);
  }

  /** The part of {@link ActivationRestorer} for channels {@code [firstChannel, endChannel)}. */
  static void restore(
      Activation activation,
      int channels,
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
    int row = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      int rows = table + c;
      for (int p = 0; p < pixels; p++) {
        int i = p * channels + c;
        float value;
        if (format.isCodes()) {
          int code = code(format, store, copy, channels, p, c);
          value =
              Math.fma(
                  (float) code,
                  scratch[rows + ChannelTable.ACT_SCALE * row],
                  scratch[rows + ChannelTable.ACT_OFFSET * row]);
          if (activation.relu() && code < scratch[rows + ChannelTable.EDGE * row]) {
            value = 0f;
          }
        } else {
          value = store.get(JAVA_FLOAT, copy + 4L * i);
          if (activation.normalize()) {
            value =
                Math.fma(
                    scratch[rows + ChannelTable.GAMMA * row],
                    value,
                    scratch[rows + ChannelTable.BETA * row]);
          }
        }
        scratch[to + p * stride + c] = activation.relu() ? Math.max(value, 0f) : value;
      }
    }
  }

  /** The code of a pixel's channel; {@code copy} is the byte of pixel 0, channel 0. */
  static int code(
      StoreFormat format, MemorySegment store, long copy, int channels, int pixel, int c) {
    // 8, 4 or 2 bits: 1, 2 or 4 pixels a byte.
    int log = 3 - Integer.numberOfTrailingZeros(format.bits());
    int shift = (pixel & ((1 << log) - 1)) * format.bits();
    int packed = store.get(JAVA_BYTE, copy + (long) (pixel >> log) * channels + c);
    return (packed >> shift) & ((1 << format.bits()) - 1);
  }

  /** The stored hat of a pixel's channel. */
  static float hat(
      StoreFormat format,
      MemorySegment store,
      long copy,
      int channels,
      int pixel,
      int c,
      float[] scratch,
      int table) {
    if (format == StoreFormat.FP32) {
      return store.get(JAVA_FLOAT, copy + 4L * ((long) pixel * channels + c));
    }
    int row = Lanes.roundUp(channels);
    return Math.fma(
        (float) code(format, store, copy, channels, pixel, c),
        scratch[table + ChannelTable.HAT_SCALE * row + c],
        scratch[table + ChannelTable.HAT_OFFSET * row + c]);
  }
}
