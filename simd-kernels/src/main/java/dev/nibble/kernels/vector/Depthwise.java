package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The depthwise convolution's three products. Channels are the lanes; a window is cut to the
 * picture, so there are no borders.
 *
 * <p>Activation and output gradient have C floats a pixel and a vector of slack behind the last;
 * weights, output and input gradient have whole vectors. So the last vector of a pixel may read
 * values of the next one, which only ever reach the padding.
 */
final class Depthwise {
  private Depthwise() {}

  /** Floats of the weights, or of their gradient: k x k x whole vectors. */
  static int weightFloats(Convolution op) {
    return op.window().kernelHeight()
        * op.window().kernelHeight()
        * Lanes.roundUp(op.input().channels());
  }

  /** Pads the weights' channels to whole vectors. */
  static void pack(Convolution op, MemorySegment weights, float[] packed) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    Arrays.fill(packed, 0, weightFloats(op), 0f);
    Segments.copyIn(
        weights,
        0,
        channels,
        packed,
        0,
        channels,
        stride,
        op.window().kernelHeight() * op.window().kernelHeight());
  }

  /**
   * y[oy,ox,c] = sum of a[iy,ix,c] * w[ky,kx,c], for output rows {@code [first, end)} and channels
   * {@code [fromChannel, toChannel)}; indices are those of rows 0.
   */
  static void forward(
      Convolution op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] weights,
      float[] scratch,
      int act,
      int out) {
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int kernel = op.window().kernelHeight();
    for (int oy = first; oy < end; oy++) {
      int top = oy * op.window().strideHeight() - op.window().padTop();
      int firstY = Math.max(0, -top);
      int lastY = Math.min(kernel, in.height() - top);
      for (int ox = 0; ox < op.outputWidth(); ox++) {
        int left = ox * op.window().strideHeight() - op.window().padTop();
        int firstX = Math.max(0, -left);
        int lastX = Math.min(kernel, in.width() - left);
        int at = out + (oy * op.outputWidth() + ox) * stride;
        for (int c = fromChannel; c < toChannel; c += LANES) {
          FloatVector sum = FloatVector.zero(FLOATS);
          for (int ky = firstY; ky < lastY; ky++) {
            int from = act + ((top + ky) * in.width() + left) * channels + c;
            for (int kx = firstX; kx < lastX; kx++) {
              int w = (ky * kernel + kx) * stride + c;
              sum =
                  FloatVector.fromArray(FLOATS, scratch, from + kx * channels)
                      .fma(FloatVector.fromArray(FLOATS, weights, w), sum);
            }
          }
          sum.intoArray(scratch, at + c);
        }
      }
    }
  }

  /**
   * da[iy,ix,c] = sum of dy[oy,ox,c] * w[ky,kx,c], for input rows {@code [first, end)} and channels
   * {@code [fromChannel, toChannel)}; indices are those of rows 0.
   */
  static void backwardData(
      Convolution op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] weights,
      float[] scratch,
      int dy,
      int data) {
    int row = op.input().width() * Lanes.roundUp(op.input().channels());
    Arrays.fill(scratch, data + first * row, data + end * row, 0f);
    for (int ky = 0; ky < op.window().kernelHeight(); ky++) {
      int above =
          Math.max(0, Math.ceilDiv(first + op.window().padTop() - ky, op.window().strideHeight()));
      int below = Math.ceilDiv(end + op.window().padTop() - ky, op.window().strideHeight());
      int firstY = Math.max(above, first(op, ky));
      int lastY = Math.min(below, last(op, ky, op.input().height(), op.outputHeight()));
      for (int kx = 0; kx < op.window().kernelHeight(); kx++) {
        scatter(op, ky, kx, firstY, lastY, fromChannel, toChannel, weights, scratch, dy, data);
      }
    }
  }

  private static void scatter(
      Convolution op,
      int ky,
      int kx,
      int firstY,
      int lastY,
      int fromChannel,
      int toChannel,
      float[] weights,
      float[] scratch,
      int dy,
      int data) {
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int firstX = first(op, kx);
    int lastX = last(op, kx, in.width(), op.outputWidth());
    int w = (ky * op.window().kernelHeight() + kx) * stride;
    for (int oy = firstY; oy < lastY; oy++) {
      int iy = oy * op.window().strideHeight() + ky - op.window().padTop();
      int row = data + (iy * in.width() + kx - op.window().padTop()) * stride;
      for (int c = fromChannel; c < toChannel; c += LANES) {
        FloatVector weight = FloatVector.fromArray(FLOATS, weights, w + c);
        for (int ox = firstX; ox < lastX; ox++) {
          int from = dy + (oy * op.outputWidth() + ox) * channels + c;
          int at = row + ox * op.window().strideHeight() * stride + c;
          FloatVector.fromArray(FLOATS, scratch, from)
              .fma(weight, FloatVector.fromArray(FLOATS, scratch, at))
              .intoArray(scratch, at);
        }
      }
    }
  }

  /**
   * dw[ky,kx,c] += sum of a[iy,ix,c] * dy[oy,ox,c], for output rows {@code [first, end)} and
   * channels {@code [fromChannel, toChannel)}; indices are those of rows 0.
   */
  static void backwardWeights(
      Convolution op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int dy,
      int dw) {
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    for (int ky = 0; ky < op.window().kernelHeight(); ky++) {
      int firstY = Math.max(first, first(op, ky));
      int lastY = Math.min(end, last(op, ky, in.height(), op.outputHeight()));
      for (int kx = 0; kx < op.window().kernelHeight(); kx++) {
        int firstX = first(op, kx);
        int lastX = last(op, kx, in.width(), op.outputWidth());
        int at = dw + (ky * op.window().kernelHeight() + kx) * stride;
        for (int c = fromChannel; c < toChannel; c += LANES) {
          FloatVector sum = FloatVector.zero(FLOATS);
          for (int oy = firstY; oy < lastY; oy++) {
            int iy = oy * op.window().strideHeight() + ky - op.window().padTop();
            int row = act + (iy * in.width() + kx - op.window().padTop()) * channels + c;
            int from = dy + oy * op.outputWidth() * channels + c;
            for (int ox = firstX; ox < lastX; ox++) {
              sum =
                  FloatVector.fromArray(
                          FLOATS, scratch, row + ox * op.window().strideHeight() * channels)
                      .fma(FloatVector.fromArray(FLOATS, scratch, from + ox * channels), sum);
            }
          }
          FloatVector.fromArray(FLOATS, scratch, at + c).add(sum).intoArray(scratch, at + c);
        }
      }
    }
  }

  /** The first output row (or column) whose window has the input under that row of the kernel. */
  private static int first(Convolution op, int tap) {
    return Math.max(0, op.window().padTop() - tap + op.window().strideHeight() - 1)
        / op.window().strideHeight();
  }

  /** The end of the output rows (or columns) whose window has the input under that row. */
  private static int last(Convolution op, int tap, int size, int outSize) {
    int reach = size - 1 + op.window().padTop() - tap;
    return reach < 0 ? 0 : Math.min(outSize, reach / op.window().strideHeight() + 1);
  }

  /**
   * Writes the accumulated gradient of channels {@code [fromChannel, toChannel)} to k x k x C
   * floats, from a byte offset on.
   */
  static void flush(
      Convolution op,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int dw,
      MemorySegment target,
      long offset) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    int taps = op.window().kernelHeight() * op.window().kernelHeight();
    long to = offset + 4L * fromChannel;
    int length = toChannel - fromChannel;
    Segments.copyOut(scratch, dw + fromChannel, stride, target, to, length, channels, taps);
  }
}
