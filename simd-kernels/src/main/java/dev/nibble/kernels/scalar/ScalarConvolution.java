package dev.nibble.kernels.scalar;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.MemorySegment;

/**
 * k x k convolution of one picture, forward and backward. The innermost loop runs over contiguous
 * channels of weights and result, which is what makes plain loops fast enough to be a fallback.
 */
final class ScalarConvolution {
  private ScalarConvolution() {}

  /** y[oy,ox,co] += a[oy*s+ky-p, ox*s+kx-p, ci] * w[ky,kx,ci,co]. */
  static void forward(
      Convolution op, float[] weights, float[] act, int actAt, float[] out, int outAt) {
    FeatureMap in = op.input();
    FeatureMap to = op.output();
    int inC = in.channels();
    int outC = to.channels();
    for (int oy = 0; oy < to.height(); oy++) {
      for (int ox = 0; ox < to.width(); ox++) {
        int o = outAt + (oy * to.width() + ox) * outC;
        for (int ky = 0; ky < op.kernel(); ky++) {
          int iy = oy * op.stride() + ky - op.padding();
          if (iy < 0 || iy >= in.height()) {
            continue;
          }
          for (int kx = 0; kx < op.kernel(); kx++) {
            int ix = ox * op.stride() + kx - op.padding();
            if (ix < 0 || ix >= in.width()) {
              continue;
            }
            int a = actAt + (iy * in.width() + ix) * inC;
            int w = (ky * op.kernel() + kx) * inC * outC;
            for (int ci = 0; ci < inC; ci++) {
              addScaled(act[a + ci], weights, w + ci * outC, out, o, outC);
            }
          }
        }
      }
    }
  }

  /** Weights as k x k x C_out x C_in, the order in which {@link #backwardData} reads them. */
  static void transpose(Convolution op, MemorySegment weights, float[] packed) {
    int inC = op.input().channels();
    int outC = op.outChannels();
    int taps = op.kernel() * op.kernel();
    for (int tap = 0; tap < taps; tap++) {
      int base = tap * inC * outC;
      for (int ci = 0; ci < inC; ci++) {
        for (int co = 0; co < outC; co++) {
          packed[base + co * inC + ci] = Floats.get(weights, base + ci * outC + co);
        }
      }
    }
  }

  /** da[iy,ix,ci] += dy[oy,ox,co] * w[ky,kx,ci,co], on transposed weights. */
  static void backwardData(
      Convolution op, float[] transposed, float[] scratch, int dyAt, int daAt) {
    FeatureMap in = op.input();
    FeatureMap to = op.output();
    int inC = in.channels();
    int outC = to.channels();
    for (int oy = 0; oy < to.height(); oy++) {
      for (int ox = 0; ox < to.width(); ox++) {
        int o = dyAt + (oy * to.width() + ox) * outC;
        for (int ky = 0; ky < op.kernel(); ky++) {
          int iy = oy * op.stride() + ky - op.padding();
          if (iy < 0 || iy >= in.height()) {
            continue;
          }
          for (int kx = 0; kx < op.kernel(); kx++) {
            int ix = ox * op.stride() + kx - op.padding();
            if (ix < 0 || ix >= in.width()) {
              continue;
            }
            int a = daAt + (iy * in.width() + ix) * inC;
            int w = (ky * op.kernel() + kx) * inC * outC;
            for (int co = 0; co < outC; co++) {
              addScaled(scratch[o + co], transposed, w + co * inC, scratch, a, inC);
            }
          }
        }
      }
    }
  }

  /** dw[ky,kx,ci,co] += a[iy,ix,ci] * dy[oy,ox,co]. */
  static void backwardWeight(Convolution op, float[] scratch, int dyAt, int actAt, int dwAt) {
    FeatureMap in = op.input();
    FeatureMap to = op.output();
    int inC = in.channels();
    int outC = to.channels();
    for (int oy = 0; oy < to.height(); oy++) {
      for (int ox = 0; ox < to.width(); ox++) {
        int o = dyAt + (oy * to.width() + ox) * outC;
        for (int ky = 0; ky < op.kernel(); ky++) {
          int iy = oy * op.stride() + ky - op.padding();
          if (iy < 0 || iy >= in.height()) {
            continue;
          }
          for (int kx = 0; kx < op.kernel(); kx++) {
            int ix = ox * op.stride() + kx - op.padding();
            if (ix < 0 || ix >= in.width()) {
              continue;
            }
            int a = actAt + (iy * in.width() + ix) * inC;
            int w = dwAt + (ky * op.kernel() + kx) * inC * outC;
            for (int ci = 0; ci < inC; ci++) {
              addScaled(scratch[a + ci], scratch, o, scratch, w + ci * outC, outC);
            }
          }
        }
      }
    }
  }

  /**
   * target[to + i] += factor * source[from + i] for i below count; two roundings, because Math.fma
   * falls back to BigDecimal on processors without the instruction.
   */
  private static void addScaled(
      float factor, float[] source, int from, float[] target, int to, int count) {
    for (int i = 0; i < count; i++) {
      target[to + i] += factor * source[from + i];
    }
  }
}
