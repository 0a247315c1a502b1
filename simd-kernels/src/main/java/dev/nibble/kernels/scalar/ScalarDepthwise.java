package dev.nibble.kernels.scalar;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.DepthwiseConvolution;

/** k x k convolution of each channel by its own kernel, for one picture, forward and backward. */
final class ScalarDepthwise {
  private ScalarDepthwise() {}

  /** Which of the three products of input, weights and output a pass accumulates. */
  private enum Pass {
    FORWARD,
    BACKWARD_DATA,
    BACKWARD_WEIGHT
  }

  /** y[oy,ox,c] += a[iy,ix,c] * w[ky,kx,c]. */
  static void forward(
      DepthwiseConvolution op, float[] weights, float[] scratch, int actAt, int outAt) {
    run(Pass.FORWARD, op, weights, 0, scratch, actAt, outAt);
  }

  /** da[iy,ix,c] += dy[oy,ox,c] * w[ky,kx,c]. */
  static void backwardData(
      DepthwiseConvolution op, float[] weights, float[] scratch, int dyAt, int daAt) {
    run(Pass.BACKWARD_DATA, op, weights, 0, scratch, daAt, dyAt);
  }

  /** dw[ky,kx,c] += a[iy,ix,c] * dy[oy,ox,c]. */
  static void backwardWeight(
      DepthwiseConvolution op, float[] scratch, int dyAt, int actAt, int dwAt) {
    run(Pass.BACKWARD_WEIGHT, op, scratch, dwAt, scratch, actAt, dyAt);
  }

  private static void run(
      Pass pass,
      DepthwiseConvolution op,
      float[] weights,
      int weightsAt,
      float[] scratch,
      int inAt,
      int outAt) {
    FeatureMap in = op.input();
    FeatureMap to = op.output();
    int channels = in.channels();
    for (int oy = 0; oy < to.height(); oy++) {
      for (int ox = 0; ox < to.width(); ox++) {
        int o = outAt + (oy * to.width() + ox) * channels;
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
            int a = inAt + (iy * in.width() + ix) * channels;
            int w = weightsAt + (ky * op.kernel() + kx) * channels;
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
