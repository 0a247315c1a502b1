package dev.nibble.kernels.scalar;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;

/** Convolution of each channel by its own kernel, for one picture, forward and backward. */
final class ScalarDepthwise {
  private ScalarDepthwise() {}

  /** Which of the three products of input, weights and output a pass accumulates. */
  private enum Pass {
    FORWARD,
    BACKWARD_DATA,
    BACKWARD_WEIGHT
  }

  /** y[oy,ox,c] += a[iy,ix,c] * w[ky,kx,c]. */
  static void forward(Convolution op, float[] weights, float[] scratch, int actAt, int outAt) {
    run(Pass.FORWARD, op, weights, 0, scratch, actAt, outAt);
  }

  /** da[iy,ix,c] += dy[oy,ox,c] * w[ky,kx,c]. */
  static void backwardData(Convolution op, float[] weights, float[] scratch, int dyAt, int daAt) {
    run(Pass.BACKWARD_DATA, op, weights, 0, scratch, daAt, dyAt);
  }

  /** dw[ky,kx,c] += a[iy,ix,c] * dy[oy,ox,c]. */
  static void backwardWeight(Convolution op, float[] scratch, int dyAt, int actAt, int dwAt) {
    run(Pass.BACKWARD_WEIGHT, op, scratch, dwAt, scratch, actAt, dyAt);
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
    int channels = in.channels();
    for (int oy = 0; oy < height; oy++) {
      for (int ox = 0; ox < width; ox++) {
        int o = outAt + (oy * width + ox) * channels;
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
            int a = inAt + (iy * in.width() + ix) * channels;
            int w = weightsAt + (ky * window.kernelWidth() + kx) * channels;
            switch (pass) {
              case FORWARD -> addProduct(scratch, a, weights, w, scratch, o, channels);
              case BACKWARD_DATA -> addProduct(scratch, o, weights, w, scratch, a, channels);
              case BACKWARD_WEIGHT -> addProduct(scratch, a, scratch, o, weights, w, channels);
            }
          }
        }
      }
    }
  }

  /** target[to + i] += x[a + i] * y[b + i] for i below count. */
  private static void addProduct(
      float[] x, int a, float[] y, int b, float[] target, int to, int count) {
    for (int i = 0; i < count; i++) {
      target[to + i] += x[a + i] * y[b + i];
    }
  }
}
