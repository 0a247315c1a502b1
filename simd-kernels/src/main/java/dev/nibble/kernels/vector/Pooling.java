package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.CodeLanes.INTS;
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
 * Max pooling and global average pooling of one picture, forward and backward. Places of maxima are
 * never used as indices: the backward pass compares them, so no byte in memory can lead it astray.
 *
 * <p>As in {@link Depthwise}, the last vector of a pixel may touch the next one's values, which
 * only reach padding.
 */
final class Pooling {
  private Pooling() {}

  /**
   * Writes each window's maximum, and its place ky*k+kx where the pass is trained.
   *
   * @param act index of the input, C floats a pixel and one vector of slack
   * @param out index of the output, whole vectors a pixel
   */
  static void max(
      MaxPooling op,
      int picture,
      @Nullable MemorySegment argmax,
      float[] scratch,
      int act,
      int out) {
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int bound = FLOATS.loopBound(channels);
    for (int oy = 0; oy < op.outputHeight(); oy++) {
      int top = oy * op.stride() - op.padding();
      int firstY = Math.max(0, -top);
      int lastY = Math.min(op.kernel(), in.height() - top);
      for (int ox = 0; ox < op.outputWidth(); ox++) {
        int left = ox * op.stride() - op.padding();
        int firstX = Math.max(0, -left);
        int lastX = Math.min(op.kernel(), in.width() - left);
        int corner = act + (top * in.width() + left) * channels;
        int at = out + (oy * op.outputWidth() + ox) * stride;
        for (int c = 0; c < channels; c += LANES) {
          int start = corner + (firstY * in.width() + firstX) * channels + c;
          FloatVector best = FloatVector.fromArray(FLOATS, scratch, start);
          IntVector place = IntVector.broadcast(INTS, firstY * op.kernel() + firstX);
          for (int ky = firstY; ky < lastY; ky++) {
            for (int kx = firstX; kx < lastX; kx++) {
              int from = corner + (ky * in.width() + kx) * channels + c;
              FloatVector value = FloatVector.fromArray(FLOATS, scratch, from);
              VectorMask<Float> larger = value.compare(VectorOperators.GT, best);
              best = best.blend(value, larger);
              place = place.blend(ky * op.kernel() + kx, larger.cast(INTS));
            }
          }
          best.intoArray(scratch, at + c);
          if (argmax != null) {
            long pixel =
                (long) picture * op.outputHeight() * op.outputWidth()
                    + (oy * op.outputWidth() + ox);
            long bytes = pixel * channels + c;
            if (c < bound) {
              CodeLanes.store(place, argmax, bytes);
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
   * Hands each output's gradient to the input that won.
   *
   * @param dy index of the output's gradient, C floats a pixel and one vector of slack
   * @param data index of the input's gradient, whole vectors a pixel
   */
  static void maxBackward(
      MaxPooling op,
      int picture,
      @Nullable MemorySegment argmax,
      float[] scratch,
      int dy,
      int data) {
    MemorySegment places = requireNonNull(argmax);
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    int bound = FLOATS.loopBound(channels);
    Arrays.fill(scratch, data, data + in.pixels() * stride, 0f);
    for (int oy = 0; oy < op.outputHeight(); oy++) {
      int top = oy * op.stride() - op.padding();
      for (int ox = 0; ox < op.outputWidth(); ox++) {
        int left = ox * op.stride() - op.padding();
        int pixel = oy * op.outputWidth() + ox;
        long bytes = ((long) picture * op.outputHeight() * op.outputWidth() + pixel) * channels;
        int from = dy + pixel * channels;
        int corner = data + (top * in.width() + left) * stride;
        for (int c = 0; c < bound; c += LANES) {
          IntVector place = CodeLanes.load(places, bytes + c);
          FloatVector gradient = FloatVector.fromArray(FLOATS, scratch, from + c);
          scatter(op, top, left, place, gradient, scratch, corner + c, stride);
        }
        for (int c = bound; c < channels; c++) {
          int place = Byte.toUnsignedInt(places.get(JAVA_BYTE, bytes + c));
          int ky = place / op.kernel();
          int kx = place % op.kernel();
          if (top + ky >= 0 && top + ky < in.height() && left + kx >= 0 && left + kx < in.width()) {
            scratch[corner + (ky * in.width() + kx) * stride + c] += scratch[from + c];
          }
        }
      }
    }
  }

  private static void scatter(
      MaxPooling op,
      int top,
      int left,
      IntVector place,
      FloatVector gradient,
      float[] scratch,
      int corner,
      int stride) {
    FeatureMap in = op.input();
    int lastY = Math.min(op.kernel(), in.height() - top);
    int lastX = Math.min(op.kernel(), in.width() - left);
    for (int ky = Math.max(0, -top); ky < lastY; ky++) {
      for (int kx = Math.max(0, -left); kx < lastX; kx++) {
        int at = corner + (ky * in.width() + kx) * stride;
        VectorMask<Integer> won = place.compare(VectorOperators.EQ, ky * op.kernel() + kx);
        FloatVector.fromArray(FLOATS, scratch, at)
            .add(gradient, won.cast(FLOATS))
            .intoArray(scratch, at);
      }
    }
  }

  /** y[c] = mean over pixels of a[c]. */
  static void average(GlobalAveragePooling op, float[] scratch, int act, int out) {
    FeatureMap in = op.input();
    int channels = in.channels();
    for (int c = 0; c < channels; c += LANES) {
      FloatVector sum = FloatVector.zero(FLOATS);
      // A row at a time, so that a large picture's fp32 sum loses little.
      for (int y = 0; y < in.height(); y++) {
        FloatVector row = FloatVector.zero(FLOATS);
        int from = act + y * in.width() * channels + c;
        for (int x = 0; x < in.width(); x++) {
          row = row.add(FloatVector.fromArray(FLOATS, scratch, from + x * channels));
        }
        sum = sum.add(row);
      }
      sum.div(in.pixels()).intoArray(scratch, out + c);
    }
  }

  /** da[pixel,c] = dy[c] / pixels. */
  static void averageBackward(GlobalAveragePooling op, float[] scratch, int dy, int data) {
    FeatureMap in = op.input();
    int channels = in.channels();
    int stride = Lanes.roundUp(channels);
    float share = 1f / in.pixels();
    for (int c = 0; c < channels; c += LANES) {
      FloatVector value = FloatVector.fromArray(FLOATS, scratch, dy + c).mul(share);
      for (int p = 0; p < in.pixels(); p++) {
        value.intoArray(scratch, data + p * stride + c);
      }
    }
  }
}
