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
            addProduct(act, a, inC, weights, w, out, o, outC);
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
            addProduct(scratch, o, outC, transposed, w, scratch, a, inC);
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
   * target[to + i] += sum over r below {@code rows} of x[at + r] * w[wAt + r * count + i]: a row
   * vector times a matrix. Four rows at a time, so that a sum is loaded and stored once for four
   * products.
   */
  private static void addProduct(
      float[] x, int at, int rows, float[] w, int wAt, float[] target, int to, int count) {
    int r = 0;
    for (; r + 4 <= rows; r += 4) {
      float x0 = x[at + r];
      float x1 = x[at + r + 1];
      float x2 = x[at + r + 2];
      float x3 = x[at + r + 3];
      int w0 = wAt + r * count;
      int w1 = w0 + count;
      int w2 = w1 + count;
      int w3 = w2 + count;
      for (int i = 0; i < count; i++) {
        target[to + i] += x0 * w[w0 + i] + x1 * w[w1 + i] + (x2 * w[w2 + i] + x3 * w[w3 + i]);
      }
    }
    for (; r < rows; r++) {
      addScaled(x[at + r], w, wAt + r * count, target, to, count);
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
