package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.GlobalAveragePooling;
import dev.nibble.kernels.Operator.MaxPooling;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Max pooling and global average pooling of one picture, forward and backward. */
final class ScalarPooling {
  private ScalarPooling() {}

  /** Writes each window's maximum, and its place ky*k+kx where the pass is trained. */
  static void max(
      MaxPooling op,
      int picture,
      @Nullable MemorySegment argmax,
      float[] scratch,
      int actAt,
      int outAt) {
    FeatureMap to = op.output();
    int channels = to.channels();
    long first = (long) picture * to.values();
    for (int oy = 0; oy < to.height(); oy++) {
      for (int ox = 0; ox < to.width(); ox++) {
        for (int c = 0; c < channels; c++) {
          int place = largest(op, oy, ox, c, scratch, actAt);
          int o = (oy * to.width() + ox) * channels + c;
          scratch[outAt + o] = scratch[actAt + source(op, oy, ox, c, place)];
          if (argmax != null) {
            argmax.set(JAVA_BYTE, first + o, (byte) place);
          }
        }
      }
    }
  }

  /** Hands each output's gradient to the input that won. */
  static void maxBackward(
      MaxPooling op,
      int picture,
      @Nullable MemorySegment argmax,
      float[] scratch,
      int dyAt,
      int daAt) {
    MemorySegment places = requireNonNull(argmax);
    FeatureMap to = op.output();
    int channels = to.channels();
    long first = (long) picture * to.values();
    for (int oy = 0; oy < to.height(); oy++) {
      for (int ox = 0; ox < to.width(); ox++) {
        for (int c = 0; c < channels; c++) {
          int o = (oy * to.width() + ox) * channels + c;
          int place = Byte.toUnsignedInt(places.get(JAVA_BYTE, first + o));
          scratch[daAt + source(op, oy, ox, c, place)] += scratch[dyAt + o];
        }
      }
    }
  }

  /** The first place of the largest value among the window's pixels that lie in the picture. */
  private static int largest(MaxPooling op, int oy, int ox, int c, float[] scratch, int actAt) {
    FeatureMap in = op.input();
    int top = oy * op.stride() - op.padding();
    int left = ox * op.stride() - op.padding();
    int place = -1;
    float best = 0f;
    for (int ky = Math.max(0, -top); ky < Math.min(op.kernel(), in.height() - top); ky++) {
      for (int kx = Math.max(0, -left); kx < Math.min(op.kernel(), in.width() - left); kx++) {
        float value = scratch[actAt + ((top + ky) * in.width() + left + kx) * in.channels() + c];
        if (place < 0 || value > best) {
          best = value;
          place = ky * op.kernel() + kx;
        }
      }
    }
    return place;
  }

  /** Index of a window's place in the picture, checked because places are read from memory. */
  private static int source(MaxPooling op, int oy, int ox, int c, int place) {
    FeatureMap in = op.input();
    int iy = oy * op.stride() - op.padding() + place / op.kernel();
    int ix = ox * op.stride() - op.padding() + place % op.kernel();
    Objects.checkIndex(iy, in.height());
    Objects.checkIndex(ix, in.width());
    return (iy * in.width() + ix) * in.channels() + c;
  }

  /** y[c] = mean over pixels of a[c]. */
  static void average(GlobalAveragePooling op, float[] scratch, int actAt, int outAt) {
    FeatureMap in = op.input();
    int channels = in.channels();
    for (int c = 0; c < channels; c++) {
      double sum = 0;
      for (int pixel = 0; pixel < in.pixels(); pixel++) {
        sum += scratch[actAt + pixel * channels + c];
      }
      scratch[outAt + c] = (float) (sum / in.pixels());
    }
  }

  /** da[pixel,c] = dy[c] / pixels. */
  static void averageBackward(GlobalAveragePooling op, float[] scratch, int dyAt, int daAt) {
    FeatureMap in = op.input();
    int channels = in.channels();
    float share = 1f / in.pixels();
    for (int pixel = 0; pixel < in.pixels(); pixel++) {
      for (int c = 0; c < channels; c++) {
        scratch[daAt + pixel * channels + c] = scratch[dyAt + c] * share;
      }
    }
  }
}
