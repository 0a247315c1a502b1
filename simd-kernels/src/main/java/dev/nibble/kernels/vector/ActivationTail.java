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
      float zScale = scratch[rows + ChannelTable.Z_SCALE * row];
      float zOffset = scratch[rows + ChannelTable.Z_OFFSET * row];
      float scale = scratch[rows + ChannelTable.CODE_SCALE * row];
      float offset = scratch[rows + ChannelTable.CODE_OFFSET * row];
      int edge = (int) scratch[rows + ChannelTable.EDGE * row];
      for (int first = 0; first < pixels; first += group) {
        int packed = 0;
        for (int j = 0; j < group && first + j < pixels; j++) {
          int i = (first + j) * channels + c;
          float value = x.get(JAVA_FLOAT, from + 4L * i);
          float z = Math.fma(value, zScale, zOffset);
          boolean off = activation.relu() && z <= 0f;
          if (format == StoreFormat.FP32) {
            requireNonNull(store).set(JAVA_FLOAT, copy + 4L * i, value);
          } else if (format.isCodes()) {
            float v = Math.fma(value, scale, offset);
            packed |= code(v, format.bits(), edge, off) << (j * format.bits());
          }
          scratch[to + i] = off ? 0f : z;
        }
        if (format.isCodes()) {
          requireNonNull(store)
              .set(JAVA_BYTE, copy + (long) (first / group) * channels + c, (byte) packed);
        }
      }
    }
  }

  /** The code of v ({@link ChannelTable}); {@code off} where the ReLU lets nothing through. */
  private static int code(float v, int bits, int edge, boolean off) {
    int origin = 1 << bits;
    int low = off ? origin : origin + edge;
    int high = off ? origin + edge : 2 * origin;
    // Cut with compares that send what is not a number to a code that exists.
    int cut = v < low ? low : v < high ? (int) v : high - 1;
    return Math.max(cut, low) - origin;
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
      float zScale = scratch[rows + ChannelTable.Z_SCALE * row];
      float zOffset = scratch[rows + ChannelTable.Z_OFFSET * row];
      float scale = scratch[rows + ChannelTable.ACT_SCALE * row];
      float offset = scratch[rows + ChannelTable.ACT_OFFSET * row];
      float edge = scratch[rows + ChannelTable.EDGE * row];
      for (int p = 0; p < pixels; p++) {
        int i = to + p * stride + c;
        float q = stored(format, store, copy, channels, p, c);
        if (format.isCodes()) {
          scratch[i] = q < edge ? 0f : Math.fma(q, scale, offset);
        } else {
          float z = Math.fma(q, zScale, zOffset);
          scratch[i] = activation.relu() && z <= 0f ? 0f : z;
        }
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

  /** What was stored of a pixel's channel: itself in fp32, else its code. */
  static float stored(
      StoreFormat format, MemorySegment store, long copy, int channels, int pixel, int c) {
    if (format == StoreFormat.FP32) {
      return store.get(JAVA_FLOAT, copy + 4L * ((long) pixel * channels + c));
    }
    return code(format, store, copy, channels, pixel, c);
  }
}
