package dev.nibble.kernels.vector;

import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The part of {@link GradientFinisher} that fills no vector, or no byte of codes. */
final class FinisherTail {
  private FinisherTail() {}

  /** Masks and sums channels {@code [firstChannel, endChannel)} of a run of pixels. */
  static void finish(
      Activation activation,
      int channels,
      int pixels,
      int firstChannel,
      int endChannel,
      @Nullable MemorySegment store,
      long copy,
      float[] scratch,
      int table,
      int at,
      int sums) {
    StoreFormat format = activation.store();
    int stride = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      float sum = 0;
      float dot = 0;
      for (int p = 0; p < pixels; p++) {
        int i = at + p * stride + c;
        if (format.bits() > 0) {
          MemorySegment copies = requireNonNull(store);
          float hat = ActivationTail.hat(format, copies, copy, channels, p, c, scratch, table);
          if (activation.relu()
              && !passes(activation, hat, copies, copy, channels, p, c, scratch, table)) {
            scratch[i] = 0f;
          }
          dot = Math.fma(scratch[i], hat, dot);
        }
        sum += scratch[i];
      }
      scratch[sums + c] += sum;
      scratch[sums + stride + c] += dot;
    }
  }

  private static boolean passes(
      Activation activation,
      float hat,
      MemorySegment store,
      long copy,
      int channels,
      int pixel,
      int c,
      float[] scratch,
      int table) {
    StoreFormat format = activation.store();
    int row = Lanes.roundUp(channels);
    if (format.isCodes()) {
      int code = ActivationTail.code(format, store, copy, channels, pixel, c);
      return code >= scratch[table + ChannelTable.EDGE * row + c];
    }
    float z = hat;
    if (activation.normalize()) {
      z =
          Math.fma(
              scratch[table + ChannelTable.GAMMA * row + c],
              hat,
              scratch[table + ChannelTable.BETA * row + c]);
    }
    return z > 0;
  }
}
