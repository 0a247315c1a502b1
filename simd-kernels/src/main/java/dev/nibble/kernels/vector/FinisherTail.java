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

  /**
   * Masks and sums channels {@code [firstChannel, endChannel)} of a run of pixels.
   *
   * @param first the first pixel
   * @param copy where the picture's copy begins
   */
  static void finish(
      Activation activation,
      int channels,
      int first,
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
      int rows = table + c;
      float edge = scratch[rows + ChannelTable.EDGE * stride];
      float scale = scratch[rows + ChannelTable.Z_SCALE * stride];
      float offset = scratch[rows + ChannelTable.Z_OFFSET * stride];
      float unit = scratch[rows + ChannelTable.HAT_SCALE * stride];
      float base = scratch[rows + ChannelTable.HAT_OFFSET * stride];
      float lowUnit = scratch[rows + ChannelTable.LOW_HAT_SCALE * stride];
      float lowBase = scratch[rows + ChannelTable.LOW_HAT_OFFSET * stride];
      float sum = 0;
      float dot = 0;
      for (int p = 0; p < pixels; p++) {
        int i = at + p * stride + c;
        if (format.isWritten()) {
          float q =
              ActivationTail.stored(format, requireNonNull(store), copy, channels, first + p, c);
          boolean low = q < edge;
          boolean off = format.isCodes() ? low : Math.fma(q, scale, offset) <= 0f;
          if (activation.relu() && off) {
            scratch[i] = 0f;
          }
          float hat = low ? Math.fma(q, lowUnit, lowBase) : Math.fma(q, unit, base);
          dot = Math.fma(scratch[i], hat, dot);
        }
        sum += scratch[i];
      }
      scratch[sums + c] += sum;
      scratch[sums + stride + c] += dot;
    }
  }
}
