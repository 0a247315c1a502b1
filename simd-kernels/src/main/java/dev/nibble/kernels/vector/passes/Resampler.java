package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.vector.base.Lanes;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** The parameter-free shortcut: window means, then zero channels on both sides. */
final class Resampler {
  private Resampler() {}

  /** 1 / pixels of an output's window that lie in the picture. */
  static float share(Resample op, int oy, int ox) {
    int stride = op.stride();
    int rows = Math.min(stride, op.input().height() - oy * stride);
    int columns = Math.min(stride, op.input().width() - ox * stride);
    return 1f / (rows * columns);
  }

  /** Whether an operator's output is its input as it lies in a tile: whole vectors a pixel. */
  static boolean passes(Operator op) {
    return op instanceof Resample r
        && r.isIdentity()
        && Lanes.roundUp(r.outChannels()) == r.outChannels();
  }

  /**
   * The identity on channels that fill no whole vectors: spreads the pixels of rows {@code [first,
   * end)}, channels {@code [fromChannel, toChannel)}.
   *
   * @param act index of the input's row 0, C floats a pixel
   * @param out index of the output's row 0, whole vectors a pixel
   */
  static void copy(
      Resample op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int out) {
    int width = op.outputWidth();
    int channels = op.outChannels();
    int stride = Lanes.roundUp(channels);
    for (int p = first * width; p < end * width; p++) {
      int to = out + p * stride;
      System.arraycopy(
          scratch,
          act + p * channels + fromChannel,
          scratch,
          to + fromChannel,
          toChannel - fromChannel);
      Arrays.fill(scratch, to + toChannel, to + Lanes.roundUp(toChannel), 0f);
    }
  }

  /** Writes output rows {@code [first, end)} as a stage's operator: zeros, then {@link #add}. */
  static void forward(Resample op, int first, int end, float[] scratch, int act, int out) {
    int row = op.outputWidth() * Lanes.roundUp(op.outChannels());
    Arrays.fill(scratch, out + first * row, out + end * row, 0f);
    add(op, first, end, scratch, act, out);
  }

  /**
   * y[oy,ox,offset+c] += mean of the window's valid pixels of a[.,.,c], for output rows {@code
   * [first, end)}.
   *
   * @param act index of the input's row 0, C floats a pixel
   * @param out index of the output's row 0, whole vectors a pixel
   */
  static void add(Resample op, int first, int end, float[] scratch, int act, int out) {
    FeatureMap in = op.input();
    int stride = Lanes.roundUp(op.outputChannels());
    for (int oy = first; oy < end; oy++) {
      int top = oy * op.stride();
      int rows = Math.min(op.stride(), in.height() - top);
      for (int ox = 0; ox < op.outputWidth(); ox++) {
        int left = ox * op.stride();
        int columns = Math.min(op.stride(), in.width() - left);
        addWindow(
            scratch,
            act + (top * in.width() + left) * in.channels(),
            in.width() * in.channels(),
            in.channels(),
            rows,
            columns,
            share(op, oy, ox),
            out + (oy * op.outputWidth() + ox) * stride + op.channelOffset());
      }
    }
  }

  /**
   * The same with a stride of 1: adds pixels to the channels in the middle.
   *
   * @param act index of the first input pixel, C floats a pixel
   * @param out index of the first output pixel, whole vectors a pixel
   */
  static void addPixels(Resample op, int pixels, float[] scratch, int act, int out) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(op.outputChannels());
    for (int p = 0; p < pixels; p++) {
      addWindow(
          scratch,
          act + p * channels,
          0,
          channels,
          1,
          1,
          1f,
          out + p * stride + op.channelOffset());
    }
  }

  private static void addWindow(
      float[] scratch,
      int from,
      int row,
      int channels,
      int rows,
      int columns,
      float share,
      int to) {
    int bound = FLOATS.loopBound(channels);
    for (int c = 0; c < bound; c += LANES) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
          sum = sum.add(FloatVector.fromArray(FLOATS, scratch, from + y * row + x * channels + c));
        }
      }
      FloatVector.fromArray(FLOATS, scratch, to + c).add(sum.mul(share)).intoArray(scratch, to + c);
    }
    for (int c = bound; c < channels; c++) {
      float sum = 0f;
      for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
          sum += scratch[from + y * row + x * channels + c];
        }
      }
      scratch[to + c] += sum * share;
    }
  }

  /**
   * Writes da[iy,ix,c] = dy[iy/s,ix/s,offset+c] / pixels of that window, for input rows {@code
   * [first, end)}.
   *
   * @param dy index of row 0 of the output's gradient, C_out floats a pixel and one vector of slack
   * @param data index of row 0 of the input's gradient, whole vectors a pixel
   */
  static void backward(Resample op, int first, int end, float[] scratch, int dy, int data) {
    FeatureMap in = op.input();
    int stride = Lanes.roundUp(in.channels());
    for (int iy = first; iy < end; iy++) {
      int oy = iy / op.stride();
      for (int ix = 0; ix < in.width(); ix++) {
        int ox = ix / op.stride();
        int from = dy + (oy * op.outputWidth() + ox) * op.outputChannels() + op.channelOffset();
        int at = data + (iy * in.width() + ix) * stride;
        float share = share(op, oy, ox);
        // The last vector reads past the pixel's channels and writes into the padding.
        for (int c = 0; c < in.channels(); c += LANES) {
          FloatVector.fromArray(FLOATS, scratch, from + c).mul(share).intoArray(scratch, at + c);
        }
      }
    }
  }
}
