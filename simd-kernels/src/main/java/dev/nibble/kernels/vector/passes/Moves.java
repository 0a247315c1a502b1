package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.vector.base.Lanes;
import java.util.Arrays;

/**
 * Operators that only move values, between tiles of C floats a pixel and tiles of whole vectors a
 * pixel; what pads a pixel there does not matter.
 */
public final class Moves {
  private Moves() {}

  /** y[pixel,c] = a[pixel,source(c)], for so many pixels. */
  static void shuffle(ChannelShuffle op, int pixels, float[] scratch, int act, int out) {
    transpose(op, op.groups(), pixels, scratch, act, out);
  }

  /** da[pixel,source(c)] = dy[pixel,c], for so many pixels. */
  static void shuffleBackward(ChannelShuffle op, int pixels, float[] scratch, int dy, int data) {
    transpose(op, op.input().channels() / op.groups(), pixels, scratch, dy, data);
  }

  /** Channels as a matrix of so many rows, transposed; the way back is the transpose's. */
  private static void transpose(
      ChannelShuffle op, int rows, int pixels, float[] scratch, int from, int to) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    int columns = channels / rows;
    for (int p = 0; p < pixels; p++) {
      int in = from + p * channels;
      int out = to + p * stride;
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          scratch[out + column * rows + row] = scratch[in + row * columns + column];
        }
      }
    }
  }

  /** The input row that an output row lies on, or the nearest. */
  static int inputRow(Padding op, int row) {
    return Math.clamp(row - (long) op.top(), 0, op.input().height());
  }

  /** The output row that an input row lies on, or the nearest. */
  static int outputRow(Padding op, int row) {
    return Math.clamp(row + (long) op.top(), 0, op.outputHeight());
  }

  /**
   * y[iy+top,ix+left,c+before] = a[iy,ix,c] and zeros around, for output rows {@code [first, end)}.
   *
   * @param act index of the input's row 0
   * @param out index of the output's row 0
   */
  static void pad(Padding op, int first, int end, float[] scratch, int act, int out) {
    int channels = op.input().channels();
    int width = op.outputWidth();
    int stride = Lanes.roundUp(op.outputChannels());
    Arrays.fill(scratch, out + first * width * stride, out + end * width * stride, 0f);
    move(op, inputRow(op, first), inputRow(op, end), true, scratch, act, channels, out, stride);
  }

  /**
   * da[iy,ix,c] = dy[iy+top,ix+left,c+before], or 0 where that lies outside, for input rows {@code
   * [first, end)}.
   *
   * @param dy index of the output's row 0
   * @param data index of the input's row 0
   */
  static void padBackward(Padding op, int first, int end, float[] scratch, int dy, int data) {
    int width = op.input().width();
    int stride = Lanes.roundUp(op.input().channels());
    Arrays.fill(scratch, data + first * width * stride, data + end * width * stride, 0f);
    int channels = op.outputChannels();
    int firstIn = Math.max(first, inputRow(op, 0));
    int endIn = Math.min(end, inputRow(op, op.outputHeight()));
    move(op, firstIn, endIn, false, scratch, data, stride, dy, channels);
  }

  /** Copies what of input rows {@code [first, end)} lies in the output, in either direction. */
  private static void move(
      Padding op,
      int first,
      int end,
      boolean forward,
      float[] scratch,
      int in,
      int inStride,
      int out,
      int outStride) {
    int firstChannel = Math.max(0, -op.before());
    int count = Math.min(op.input().channels(), op.outputChannels() - op.before()) - firstChannel;
    int firstX = Math.max(0, -op.left());
    int endX = Math.min(op.input().width(), op.outputWidth() - op.left());
    for (int iy = first; iy < end; iy++) {
      int a = in + iy * op.input().width() * inStride + firstChannel;
      int o = out + (iy + op.top()) * op.outputWidth() * outStride + firstChannel + op.before();
      for (int ix = firstX; ix < endX; ix++) {
        int i = a + ix * inStride;
        int j = o + (ix + op.left()) * outStride;
        System.arraycopy(scratch, forward ? i : j, scratch, forward ? j : i, count);
      }
    }
  }
}
