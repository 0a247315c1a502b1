package dev.nibble.kernels.scalar;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.MemorySegment;

/** The parameter-free shortcut of one picture: window means, then zero channels on both sides. */
final class ScalarResample {
  private ScalarResample() {}

  /** y[oy,ox,offset+c] += mean of the window's valid pixels of a[.,.,c]. */
  static void add(Resample op, float[] scratch, int actAt, int outAt) {
    FeatureMap in = op.input();
    FeatureMap to = op.output();
    int stride = op.stride();
    for (int oy = 0; oy < to.height(); oy++) {
      int bottom = Math.min((oy + 1) * stride, in.height());
      for (int ox = 0; ox < to.width(); ox++) {
        int right = Math.min((ox + 1) * stride, in.width());
        int o = outAt + (oy * to.width() + ox) * to.channels() + op.channelOffset();
        float share = share(op, oy, ox);
        for (int c = 0; c < in.channels(); c++) {
          float sum = 0f;
          for (int iy = oy * stride; iy < bottom; iy++) {
            for (int ix = ox * stride; ix < right; ix++) {
              sum += scratch[actAt + (iy * in.width() + ix) * in.channels() + c];
            }
          }
          scratch[o + c] += sum * share;
        }
      }
    }
  }

  /** da[iy,ix,c] += dy[iy/s,ix/s,offset+c] / pixels of that window. */
  static void backward(Resample op, float[] scratch, int dyAt, int daAt) {
    FeatureMap in = op.input();
    FeatureMap to = op.output();
    for (int iy = 0; iy < in.height(); iy++) {
      int oy = iy / op.stride();
      for (int ix = 0; ix < in.width(); ix++) {
        int ox = ix / op.stride();
        int o = dyAt + (oy * to.width() + ox) * to.channels() + op.channelOffset();
        int a = daAt + (iy * in.width() + ix) * in.channels();
        float share = share(op, oy, ox);
        for (int c = 0; c < in.channels(); c++) {
          scratch[a + c] += scratch[o + c] * share;
        }
      }
    }
  }

  /** The same as {@link #backward}, where the shortcut's gradient lies in a batch's buffer. */
  static void backward(
      Resample op, MemorySegment gradient, int picture, float[] scratch, int daAt) {
    FeatureMap in = op.input();
    FeatureMap to = op.output();
    long first = (long) picture * to.values() + op.channelOffset();
    for (int iy = 0; iy < in.height(); iy++) {
      int oy = iy / op.stride();
      for (int ix = 0; ix < in.width(); ix++) {
        int ox = ix / op.stride();
        long o = first + (long) (oy * to.width() + ox) * to.channels();
        int a = daAt + (iy * in.width() + ix) * in.channels();
        float share = share(op, oy, ox);
        for (int c = 0; c < in.channels(); c++) {
          scratch[a + c] += Floats.get(gradient, o + c) * share;
        }
      }
    }
  }

  /** 1 / pixels of an output's window that lie in the picture. */
  private static float share(Resample op, int oy, int ox) {
    int stride = op.stride();
    int rows = Math.min(stride, op.input().height() - oy * stride);
    int columns = Math.min(stride, op.input().width() - ox * stride);
    return 1f / (rows * columns);
  }
}
