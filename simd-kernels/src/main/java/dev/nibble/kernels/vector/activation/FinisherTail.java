package dev.nibble.kernels.vector.activation;

import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The part of {@link GradientFinisher} whose channels fill no vector. */
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
    Nonlinearity function = activation.nonlinearity();
    int stride = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      int rows = table + c;
      float edge = scratch[rows + ChannelTable.EDGE * stride];
      float slope = scratch[rows + ChannelTable.SLOPE * stride];
      float unit = scratch[rows + ChannelTable.HAT_SCALE * stride];
      float base = scratch[rows + ChannelTable.HAT_OFFSET * stride];
      float lowUnit = scratch[rows + ChannelTable.LOW_HAT_SCALE * stride];
      float lowBase = scratch[rows + ChannelTable.LOW_HAT_OFFSET * stride];
      float sum = 0;
      float dot = 0;
      float below = 0;
      for (int p = 0; p < pixels; p++) {
        int i = at + p * stride + c;
        if (format.isWritten()) {
          float q =
              ActivationTail.stored(format, requireNonNull(store), copy, channels, first + p, c);
          boolean low = q < edge;
          if (activation.relu() && activation.isDirect() && format.isCodes()) {
            scratch[i] = low ? 0f : scratch[i];
          } else if (!activation.isLinear()) {
            float z = ActivationTail.argument(activation, stride, scratch, rows, q);
            below = Math.fma(scratch[i], Math.min(z, 0f), below);
            scratch[i] *= function.derivative(z, slope);
          }
          float hat = low ? Math.fma(q, lowUnit, lowBase) : Math.fma(q, unit, base);
          dot = Math.fma(scratch[i], hat, dot);
        }
        sum += scratch[i];
      }
      scratch[sums + c] += sum;
      scratch[sums + stride + c] += dot;
      if (function.hasSlope()) {
        scratch[sums + 2 * stride + c] += below;
      }
    }
  }
}
