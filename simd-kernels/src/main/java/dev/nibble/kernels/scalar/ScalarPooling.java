package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.GlobalAveragePooling;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Window;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Pooling of one picture, forward and backward. */
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
          if (argmax != null && op.placeBytes() == 1) {
            argmax.set(JAVA_BYTE, first + o, (byte) place);
          } else if (argmax != null) {
            argmax.set(JAVA_INT, 4 * (first + o), place);
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
          int place =
              op.placeBytes() == 1
                  ? Byte.toUnsignedInt(places.get(JAVA_BYTE, first + o))
                  : places.get(JAVA_INT, 4 * (first + o));
          scratch[daAt + source(op, oy, ox, c, place)] += scratch[dyAt + o];
        }
      }
    }
  }

  /** The first place of the largest value among the window's pixels that lie in the picture. */
  private static int largest(MaxPooling op, int oy, int ox, int c, float[] scratch, int actAt) {
    FeatureMap in = op.input();
    Window window = op.window();
    int place = -1;
    float best = 0f;
    for (int ky = 0; ky < window.kernelHeight(); ky++) {
      int iy = oy * window.strideHeight() - window.padTop() + ky * window.dilationHeight();
      for (int kx = 0; kx < window.kernelWidth(); kx++) {
        int ix = ox * window.strideWidth() - window.padLeft() + kx * window.dilationWidth();
        if (iy < 0 || iy >= in.height() || ix < 0 || ix >= in.width()) {
          continue;
        }
        float value = scratch[actAt + (iy * in.width() + ix) * in.channels() + c];
        if (place < 0 || value > best || Float.isNaN(value)) {
          best = value;
          place = ky * window.kernelWidth() + kx;
        }
      }
    }
    return place;
  }

  /** Index of a window's place in the picture, checked because places are read from memory. */
  private static int source(MaxPooling op, int oy, int ox, int c, int place) {
    FeatureMap in = op.input();
    Window window = op.window();
    Objects.checkIndex(place, window.taps());
    int ky = place / window.kernelWidth();
    int kx = place % window.kernelWidth();
    int iy = oy * window.strideHeight() - window.padTop() + ky * window.dilationHeight();
    int ix = ox * window.strideWidth() - window.padLeft() + kx * window.dilationWidth();
    Objects.checkIndex(iy, in.height());
    Objects.checkIndex(ix, in.width());
    return (iy * in.width() + ix) * in.channels() + c;
  }

  /** y[oy,ox,c] = share * sum over the window of a[iy,ix,c]. */
  static void average(AveragePooling op, float[] scratch, int actAt, int outAt) {
    windows(op, true, scratch, actAt, outAt);
  }

  /** da[iy,ix,c] += share * dy[oy,ox,c]. */
  static void averageBackward(AveragePooling op, float[] scratch, int dyAt, int daAt) {
    windows(op, false, scratch, daAt, dyAt);
  }

  private static void windows(
      AveragePooling op, boolean forward, float[] scratch, int inAt, int outAt) {
    FeatureMap in = op.input();
    Window window = op.window();
    int channels = in.channels();
    int width = op.outputWidth();
    for (int oy = 0; oy < op.outputHeight(); oy++) {
      for (int ox = 0; ox < width; ox++) {
        float share = op.share(oy, ox);
        int o = outAt + (oy * width + ox) * channels;
        for (int ky = 0; ky < window.kernelHeight(); ky++) {
          int iy = oy * window.strideHeight() - window.padTop() + ky * window.dilationHeight();
          for (int kx = 0; kx < window.kernelWidth(); kx++) {
            int ix = ox * window.strideWidth() - window.padLeft() + kx * window.dilationWidth();
            if (iy < 0 || iy >= in.height() || ix < 0 || ix >= in.width()) {
              continue;
            }
            int a = inAt + (iy * in.width() + ix) * channels;
            for (int c = 0; c < channels; c++) {
              if (forward) {
                scratch[o + c] += scratch[a + c];
              } else {
                scratch[a + c] += scratch[o + c] * share;
              }
            }
          }
        }
        for (int c = 0; forward && c < channels; c++) {
          scratch[o + c] *= share;
        }
      }
    }
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
