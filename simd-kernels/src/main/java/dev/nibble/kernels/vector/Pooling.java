package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.CodeVectors.INTS;
import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.GlobalAveragePooling;
import dev.nibble.kernels.Operator.MaxPooling;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Max pooling and global average pooling, forward and backward. Places of maxima are never used as
 * indices: the backward pass compares them, so no byte in memory can lead it astray.
 *
 * <p>As in {@link Depthwise}, the last vector of a pixel may touch the next one's values, which
 * only reach padding.
 */
final class Pooling {
  private Pooling() {}

  /**
   * Writes each window's maximum, and its place ky*k+kx where the pass is trained, for output rows
   * {@code [first, end)} and channels {@code [fromChannel, toChannel)}.
   *
   * @param act index of the input's row 0, C floats a pixel and one vector of slack
   * @param out index of the output's row 0, whole vectors a pixel
   */
  static void max(
      MaxPooling op,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      @Nullable MemorySegment argmax,
      float[] scratch,
      int act,
      int out) {
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int bound = FLOATS.loopBound(channels);
    for (int oy = first; oy < end; oy++) {
      int top = oy * op.window().strideHeight() - op.window().padTop();
      int firstY = Math.max(0, -top);
      int lastY = Math.min(op.window().kernelHeight(), in.height() - top);
      for (int ox = 0; ox < op.outputWidth(); ox++) {
        int left = ox * op.window().strideHeight() - op.window().padTop();
        int firstX = Math.max(0, -left);
        int lastX = Math.min(op.window().kernelHeight(), in.width() - left);
        int corner = act + (top * in.width() + left) * channels;
        int at = out + (oy * op.outputWidth() + ox) * stride;
        for (int c = fromChannel; c < toChannel; c += LANES) {
          int start = corner + (firstY * in.width() + firstX) * channels + c;
          FloatVector best = FloatVector.fromArray(FLOATS, scratch, start);
          IntVector place = IntVector.broadcast(INTS, firstY * op.window().kernelHeight() + firstX);
          for (int ky = firstY; ky < lastY; ky++) {
            for (int kx = firstX; kx < lastX; kx++) {
              int from = corner + (ky * in.width() + kx) * channels + c;
              FloatVector value = FloatVector.fromArray(FLOATS, scratch, from);
              // What is not a number is unlike itself, and wins.
              VectorMask<Float> larger =
                  value
                      .compare(VectorOperators.GT, best)
                      .or(value.compare(VectorOperators.NE, value));
              best = best.blend(value, larger);
              place = place.blend(ky * op.window().kernelHeight() + kx, larger.cast(INTS));
            }
          }
          best.intoArray(scratch, at + c);
          if (argmax != null) {
            long pixel =
                (long) picture * op.outputHeight() * op.outputWidth()
                    + (oy * op.outputWidth() + ox);
            long bytes = pixel * channels + c;
            if (c < bound) {
              CodeVectors.store(place, argmax, bytes);
            } else {
              for (int i = 0; i < channels - c; i++) {
                argmax.set(JAVA_BYTE, bytes + i, (byte) place.lane(i));
              }
            }
          }
        }
      }
    }
  }

  /**
   * Hands the outputs' gradients to the inputs that won, for input rows {@code [first, end)} and
   * channels {@code [fromChannel, toChannel)}.
   *
   * @param dy index of row 0 of the output's gradient, C floats a pixel and one vector of slack
   * @param data index of row 0 of the input's gradient, whole vectors a pixel
   */
  static void maxBackward(
      MaxPooling op,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      @Nullable MemorySegment argmax,
      float[] scratch,
      int dy,
      int data) {
    MemorySegment places = requireNonNull(argmax);
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int dataRow = in.width() * stride;
    Arrays.fill(scratch, data + first * dataRow, data + end * dataRow, 0f);
    int firstOut = firstOutput(op, first);
    int endOut = endOutput(op, end);
    for (int oy = firstOut; oy < endOut; oy++) {
      int top = oy * op.window().strideHeight() - op.window().padTop();
      for (int ox = 0; ox < op.outputWidth(); ox++) {
        int left = ox * op.window().strideHeight() - op.window().padTop();
        int pixel = oy * op.outputWidth() + ox;
        long bytes = ((long) picture * op.outputHeight() * op.outputWidth() + pixel) * channels;
        int from = dy + pixel * channels;
        int corner = data + (top * in.width() + left) * stride;
        int firstY = Math.max(0, first - top);
        int lastY = Math.min(op.window().kernelHeight(), end - top);
        for (int c = fromChannel; c < bound; c += LANES) {
          IntVector place = CodeVectors.load(places, bytes + c);
          FloatVector gradient = FloatVector.fromArray(FLOATS, scratch, from + c);
          scatter(op, firstY, lastY, left, place, gradient, scratch, corner + c, stride);
        }
        for (int c = bound; c < toChannel; c++) {
          int place = Byte.toUnsignedInt(places.get(JAVA_BYTE, bytes + c));
          int ky = place / op.window().kernelHeight();
          int kx = place % op.window().kernelHeight();
          if (ky >= firstY && ky < lastY && left + kx >= 0 && left + kx < in.width()) {
            scratch[corner + (ky * in.width() + kx) * stride + c] += scratch[from + c];
          }
        }
      }
    }
  }

  /** The first output row whose window reaches that input row or one below it. */
  static int firstOutput(MaxPooling op, int row) {
    int last = row + op.window().padTop() - op.window().kernelHeight() + 1;
    return Math.max(0, Math.ceilDiv(last, op.window().strideHeight()));
  }

  /** The end of the output rows whose windows begin above that input row. */
  static int endOutput(MaxPooling op, int row) {
    return Math.min(
        op.outputHeight(), (row - 1 + op.window().padTop()) / op.window().strideHeight() + 1);
  }

  private static void scatter(
      MaxPooling op,
      int firstY,
      int lastY,
      int left,
      IntVector place,
      FloatVector gradient,
      float[] scratch,
      int corner,
      int stride) {
    FeatureMap in = op.input();
    int lastX = Math.min(op.window().kernelHeight(), in.width() - left);
    for (int ky = firstY; ky < lastY; ky++) {
      for (int kx = Math.max(0, -left); kx < lastX; kx++) {
        int at = corner + (ky * in.width() + kx) * stride;
        VectorMask<Integer> won =
            place.compare(VectorOperators.EQ, ky * op.window().kernelHeight() + kx);
        FloatVector.fromArray(FLOATS, scratch, at)
            .add(gradient, won.cast(FLOATS))
            .intoArray(scratch, at);
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
      FloatVector sum = FloatVector.fromArray(FLOATS, scratch, out + c);
      // A row at a time, so that a large picture's fp32 sum loses little.
      for (int y = 0; y < rows; y++) {
        FloatVector row = FloatVector.zero(FLOATS);
        int from = act + y * in.width() * channels + c;
        for (int x = 0; x < in.width(); x++) {
          row = row.add(FloatVector.fromArray(FLOATS, scratch, from + x * channels));
        }
        sum = sum.add(row);
      }
      sum.intoArray(scratch, out + c);
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
  static void averageBackward(
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
