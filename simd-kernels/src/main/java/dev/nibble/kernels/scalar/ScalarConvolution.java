package dev.nibble.kernels.scalar;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;
import java.lang.foreign.MemorySegment;

/**
 * Convolution of one picture with any window and groups, forward and backward. The innermost loop
 * runs over contiguous channels of weights and result, which is what makes plain loops fast enough
 * to be a fallback.
 */
final class ScalarConvolution {
  private ScalarConvolution() {}

  /** Which of the three products of input, weights and output a pass accumulates. */
  private enum Pass {
    FORWARD,
    BACKWARD_DATA,
    BACKWARD_WEIGHT
  }

  /** y[oy,ox,co] += a[oy*s+ky*d-p, ox*s+kx*d-p, ci] * w[ky,kx,ci,co], within each group. */
  static void forward(Convolution op, float[] weights, float[] scratch, int actAt, int outAt) {
    run(Pass.FORWARD, op, weights, 0, scratch, actAt, outAt);
  }

  /** da[iy,ix,ci] += dy[oy,ox,co] * w[ky,kx,ci,co], on transposed weights. */
  static void backwardData(
      Convolution op, float[] transposed, float[] scratch, int dyAt, int daAt) {
    run(Pass.BACKWARD_DATA, op, transposed, 0, scratch, daAt, dyAt);
  }

  /** dw[ky,kx,ci,co] += a[iy,ix,ci] * dy[oy,ox,co]. */
  static void backwardWeight(Convolution op, float[] scratch, int dyAt, int actAt, int dwAt) {
    run(Pass.BACKWARD_WEIGHT, op, scratch, dwAt, scratch, actAt, dyAt);
  }

  /**
   * Weights as taps x C_out x (C_in / groups), the order in which {@link #backwardData} reads them.
   */
  static void transpose(Convolution op, MemorySegment weights, float[] packed) {
    int inC = op.groupInputs();
    int outC = op.outChannels();
    for (int tap = 0; tap < op.window().taps(); tap++) {
      int base = tap * inC * outC;
      for (int ci = 0; ci < inC; ci++) {
        for (int co = 0; co < outC; co++) {
          packed[base + co * inC + ci] = Floats.get(weights, base + ci * outC + co);
        }
      }
    }
  }

  private static void run(
      Pass pass,
      Convolution op,
      float[] weights,
      int weightsAt,
      float[] scratch,
      int inAt,
      int outAt) {
    FeatureMap in = op.input();
    Window window = op.window();
    int height = op.outputHeight();
    int width = op.outputWidth();
    int plane = op.groupInputs() * op.outChannels();
    for (int oy = 0; oy < height; oy++) {
      for (int ox = 0; ox < width; ox++) {
        int o = outAt + (oy * width + ox) * op.outChannels();
        for (int ky = 0; ky < window.kernelHeight(); ky++) {
          int iy = oy * window.strideHeight() + ky * window.dilationHeight() - window.padTop();
          if (iy < 0 || iy >= in.height()) {
            continue;
          }
          for (int kx = 0; kx < window.kernelWidth(); kx++) {
            int ix = ox * window.strideWidth() + kx * window.dilationWidth() - window.padLeft();
            if (ix < 0 || ix >= in.width()) {
              continue;
            }
            int a = inAt + (iy * in.width() + ix) * in.channels();
            int w = weightsAt + (ky * window.kernelWidth() + kx) * plane;
            tap(pass, op, weights, w, scratch, a, o);
          }
        }
      }
    }
  }

  /** One tap of one output pixel. */
  private static void tap(
      Pass pass, Convolution op, float[] weights, int w, float[] scratch, int a, int o) {
    int inC = op.groupInputs();
    int outC = op.groupOutputs();
    int step = op.outChannels();
    for (int g = 0; g < op.groups(); g++) {
      int from = a + g * inC;
      int to = o + g * outC;
      switch (pass) {
        case FORWARD ->
            addProduct(scratch, from, inC, weights, w + g * outC, step, scratch, to, outC);
        case BACKWARD_DATA ->
            addProduct(scratch, to, outC, weights, w + g * outC * inC, inC, scratch, from, inC);
        case BACKWARD_WEIGHT -> {
          for (int ci = 0; ci < inC; ci++) {
            addScaled(scratch[from + ci], scratch, to, weights, w + ci * step + g * outC, outC);
          }
        }
      }
    }
  }

  /**
   * target[to + i] += sum over r below {@code rows} of x[at + r] * w[wAt + r * step + i]: a row
   * vector times a matrix. Four rows at a time, so that a sum is loaded and stored once for four
   * products.
   */
  private static void addProduct(
      float[] x,
      int at,
      int rows,
      float[] w,
      int wAt,
      int step,
      float[] target,
      int to,
      int count) {
    int r = 0;
    for (; r + 4 <= rows; r += 4) {
      float x0 = x[at + r];
      float x1 = x[at + r + 1];
      float x2 = x[at + r + 2];
      float x3 = x[at + r + 3];
      int w0 = wAt + r * step;
      int w1 = w0 + step;
      int w2 = w1 + step;
      int w3 = w2 + step;
      for (int i = 0; i < count; i++) {
        target[to + i] += x0 * w[w0 + i] + x1 * w[w1 + i] + (x2 * w[w2 + i] + x3 * w[w3 + i]);
      }
    }
    for (; r < rows; r++) {
      addScaled(x[at + r], w, wAt + r * step, target, to, count);
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
