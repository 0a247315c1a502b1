package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.activation.CodeVectors.INTS;
import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.activation.CodeVectors;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.Depthwise;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Max pooling, forward and backward. Channels are the lanes; a window is cut to the picture, so
 * there are no borders. Places of maxima are never used as indices: the backward pass compares
 * them, so no byte in memory can lead it astray.
 *
 * <p>As in {@link Depthwise}, the last vector of a pixel may touch the next one's values, which
 * only reach padding.
 */
final class Pooling {
  private Pooling() {}

  /**
   * The first tap that is at {@code from} or behind it; taps are at start, start + dilation, ...
   */
  static int firstTap(int start, int dilation, int from) {
    return start >= from ? 0 : Math.ceilDiv(from - start, dilation);
  }

  /** The end of the taps that are before {@code end}. */
  static int endTap(int start, int dilation, int taps, int end) {
    return start >= end ? 0 : Math.min(taps, (end - 1 - start) / dilation + 1);
  }

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
    Window window = op.window();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int outWidth = op.outputWidth();
    int kernel = window.kernelWidth();
    int stepY = window.dilationHeight() * in.width() * channels;
    int stepX = window.dilationWidth() * channels;
    for (int oy = first; oy < end; oy++) {
      int top = oy * window.strideHeight() - window.padTop();
      int firstY = firstTap(top, window.dilationHeight(), 0);
      int lastY = endTap(top, window.dilationHeight(), window.kernelHeight(), in.height());
      for (int ox = 0; ox < outWidth; ox++) {
        int left = ox * window.strideWidth() - window.padLeft();
        int firstX = firstTap(left, window.dilationWidth(), 0);
        int lastX = endTap(left, window.dilationWidth(), kernel, in.width());
        int corner = act + (top * in.width() + left) * channels;
        int pixel = oy * outWidth + ox;
        int at = out + pixel * stride;
        long places = ((long) picture * op.outputHeight() * outWidth + pixel) * channels;
        for (int c = fromChannel; c < toChannel; c += LANES) {
          int start = corner + firstY * stepY + firstX * stepX + c;
          FloatVector best = FloatVector.fromArray(FLOATS, scratch, start);
          IntVector place = IntVector.broadcast(INTS, firstY * kernel + firstX);
          for (int ky = firstY; ky < lastY; ky++) {
            int from = corner + ky * stepY + c;
            for (int kx = firstX; kx < lastX; kx++) {
              FloatVector value = FloatVector.fromArray(FLOATS, scratch, from + kx * stepX);
              // What is not a number is unlike itself, and wins.
              VectorMask<Float> larger =
                  value
                      .compare(VectorOperators.GT, best)
                      .or(value.compare(VectorOperators.NE, value));
              best = best.blend(value, larger);
              place = place.blend(ky * kernel + kx, larger.cast(INTS));
            }
          }
          best.intoArray(scratch, at + c);
          if (argmax == null) {
            continue;
          }
          boolean whole = c + LANES <= channels;
          if (op.placeBytes() == 4) {
            if (whole) {
              place.intoMemorySegment(argmax, 4 * (places + c), ORDER);
            }
            for (int i = 0; !whole && i < channels - c; i++) {
              argmax.set(JAVA_INT, 4 * (places + c + i), place.lane(i));
            }
          } else {
            if (whole) {
              CodeVectors.store(place, argmax, places + c);
            }
            for (int i = 0; !whole && i < channels - c; i++) {
              argmax.set(JAVA_BYTE, places + c + i, (byte) place.lane(i));
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
    Window window = op.window();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int dataRow = in.width() * stride;
    int outWidth = op.outputWidth();
    boolean wide = op.placeBytes() == 4;
    Arrays.fill(scratch, data + first * dataRow, data + end * dataRow, 0f);
    int endOut = Bands.endOutput(op, end);
    for (int oy = Bands.firstOutput(op, first); oy < endOut; oy++) {
      int top = oy * window.strideHeight() - window.padTop();
      int firstY = firstTap(top, window.dilationHeight(), first);
      int lastY = endTap(top, window.dilationHeight(), window.kernelHeight(), end);
      for (int ox = 0; ox < outWidth; ox++) {
        int left = ox * window.strideWidth() - window.padLeft();
        int pixel = oy * outWidth + ox;
        long at = ((long) picture * op.outputHeight() * outWidth + pixel) * channels;
        int from = dy + pixel * channels;
        int corner = data + (top * in.width() + left) * stride;
        for (int c = fromChannel; c < bound; c += LANES) {
          IntVector place =
              wide
                  ? IntVector.fromMemorySegment(INTS, places, 4 * (at + c), ORDER)
                  : CodeVectors.load(places, at + c);
          FloatVector gradient = FloatVector.fromArray(FLOATS, scratch, from + c);
          scatter(op, firstY, lastY, left, place, gradient, scratch, corner + c, stride);
        }
        for (int c = bound; c < toChannel; c++) {
          int place =
              wide
                  ? places.get(JAVA_INT, 4 * (at + c))
                  : Byte.toUnsignedInt(places.get(JAVA_BYTE, at + c));
          int ky = place / window.kernelWidth();
          int kx = place % window.kernelWidth();
          int column = left + kx * window.dilationWidth();
          if (place >= 0 && ky >= firstY && ky < lastY && column >= 0 && column < in.width()) {
            int row = ky * window.dilationHeight() * in.width();
            scratch[corner + (row + kx * window.dilationWidth()) * stride + c] += scratch[from + c];
          }
        }
      }
    }
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
    Window window = op.window();
    int kernel = window.kernelWidth();
    int stepY = window.dilationHeight() * in.width() * stride;
    int stepX = window.dilationWidth() * stride;
    int lastX = endTap(left, window.dilationWidth(), kernel, in.width());
    for (int ky = firstY; ky < lastY; ky++) {
      for (int kx = firstTap(left, window.dilationWidth(), 0); kx < lastX; kx++) {
        int at = corner + ky * stepY + kx * stepX;
        VectorMask<Integer> won = place.compare(VectorOperators.EQ, ky * kernel + kx);
        FloatVector sum = FloatVector.fromArray(FLOATS, scratch, at);
        sum.add(gradient, won.cast(FLOATS)).intoArray(scratch, at);
      }
    }
  }
}
