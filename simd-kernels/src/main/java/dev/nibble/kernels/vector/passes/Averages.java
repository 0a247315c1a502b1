package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.GlobalAveragePooling;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.base.Lanes;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Average pooling, by windows and of all pixels, forward and backward; as {@link Pooling}. */
final class Averages {
  private Averages() {}

  /**
   * y[oy,ox,c] = share * sum over the window of a[iy,ix,c], for output rows {@code [first, end)}.
   *
   * @param act index of the input's row 0, C floats a pixel and one vector of slack
   * @param out index of the output's row 0, whole vectors a pixel
   */
  static void forward(
      AveragePooling op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int out) {
    FeatureMap in = op.input();
    Window window = op.window();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int width = op.outputWidth();
    int stepY = window.dilationHeight() * in.width() * channels;
    int stepX = window.dilationWidth() * channels;
    for (int oy = first; oy < end; oy++) {
      int top = oy * window.strideHeight() - window.padTop();
      int firstY = Pooling.firstTap(top, window.dilationHeight(), 0);
      int lastY = Pooling.endTap(top, window.dilationHeight(), window.kernelHeight(), in.height());
      for (int ox = 0; ox < width; ox++) {
        int left = ox * window.strideWidth() - window.padLeft();
        int firstX = Pooling.firstTap(left, window.dilationWidth(), 0);
        int lastX = Pooling.endTap(left, window.dilationWidth(), window.kernelWidth(), in.width());
        int corner = act + (top * in.width() + left) * channels;
        int at = out + (oy * width + ox) * stride;
        float share = op.share(oy, ox);
        for (int c = fromChannel; c < toChannel; c += LANES) {
          FloatVector sum = FloatVector.zero(FLOATS);
          for (int ky = firstY; ky < lastY; ky++) {
            int from = corner + ky * stepY + c;
            for (int kx = firstX; kx < lastX; kx++) {
              sum = sum.add(FloatVector.fromArray(FLOATS, scratch, from + kx * stepX));
            }
          }
          sum.mul(share).intoArray(scratch, at + c);
        }
      }
    }
  }

  /**
   * da[iy,ix,c] = sum over the windows that meet it of share * dy[oy,ox,c], for input rows {@code
   * [first, end)}.
   *
   * @param dy index of row 0 of the output's gradient, C floats a pixel and one vector of slack
   * @param data index of row 0 of the input's gradient, whole vectors a pixel
   */
  static void backward(
      AveragePooling op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int dy,
      int data) {
    FeatureMap in = op.input();
    Window window = op.window();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int width = op.outputWidth();
    int dataRow = in.width() * stride;
    int stepY = window.dilationHeight() * dataRow;
    int stepX = window.dilationWidth() * stride;
    Arrays.fill(scratch, data + first * dataRow, data + end * dataRow, 0f);
    int endOut = Bands.endOutput(op, end);
    for (int oy = Bands.firstOutput(op, first); oy < endOut; oy++) {
      int top = oy * window.strideHeight() - window.padTop();
      int firstY = Pooling.firstTap(top, window.dilationHeight(), first);
      int lastY = Pooling.endTap(top, window.dilationHeight(), window.kernelHeight(), end);
      for (int ox = 0; ox < width; ox++) {
        int left = ox * window.strideWidth() - window.padLeft();
        int firstX = Pooling.firstTap(left, window.dilationWidth(), 0);
        int lastX = Pooling.endTap(left, window.dilationWidth(), window.kernelWidth(), in.width());
        int corner = data + (top * in.width() + left) * stride;
        int from = dy + (oy * width + ox) * channels;
        float share = op.share(oy, ox);
        for (int c = fromChannel; c < toChannel; c += LANES) {
          FloatVector value = FloatVector.fromArray(FLOATS, scratch, from + c).mul(share);
          for (int ky = firstY; ky < lastY; ky++) {
            int to = corner + ky * stepY + c;
            for (int kx = firstX; kx < lastX; kx++) {
              int at = to + kx * stepX;
              FloatVector.fromArray(FLOATS, scratch, at).add(value).intoArray(scratch, at);
            }
          }
        }
      }
    }
  }

  /**
   * y[c] += sum over {@code rows} rows of pixels of a[c], for channels {@code [fromChannel,
   * toChannel)}; {@link #divide} makes the mean of it.
   */
  static void sum(
      GlobalAveragePooling op,
      int rows,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int out) {
    FeatureMap in = op.input();
    int channels = in.channels();
    for (int c = fromChannel; c < toChannel; c += LANES) {
      // A row at a time, so that a large picture's fp32 sum loses little; and through memory, for
      // C2 now and then keeps a sum over two loops as an object.
      for (int y = 0; y < rows; y++) {
        FloatVector row = FloatVector.zero(FLOATS);
        int from = act + y * in.width() * channels + c;
        for (int x = 0; x < in.width(); x++) {
          row = row.add(FloatVector.fromArray(FLOATS, scratch, from + x * channels));
        }
        FloatVector.fromArray(FLOATS, scratch, out + c).add(row).intoArray(scratch, out + c);
      }
    }
  }

  /** y[c] /= pixels. */
  static void divide(
      GlobalAveragePooling op, int fromChannel, int toChannel, float[] scratch, int out) {
    for (int c = fromChannel; c < toChannel; c += LANES) {
      FloatVector.fromArray(FLOATS, scratch, out + c)
          .div(op.input().pixels())
          .intoArray(scratch, out + c);
    }
  }

  /** da[pixel,c] = dy[c] / pixels, for {@code pixels} pixels. */
  static void backward(
      GlobalAveragePooling op,
      int pixels,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int dy,
      int data) {
    FeatureMap in = op.input();
    int stride = Lanes.roundUp(in.channels());
    float share = 1f / in.pixels();
    for (int c = fromChannel; c < toChannel; c += LANES) {
      FloatVector value = FloatVector.fromArray(FLOATS, scratch, dy + c).mul(share);
      for (int p = 0; p < pixels; p++) {
        value.intoArray(scratch, data + p * stride + c);
      }
    }
  }
}
