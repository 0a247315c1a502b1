package dev.nibble.kernels.scalar;

import dev.nibble.kernels.AxisSampling.Taps;
import dev.nibble.kernels.Sampling;

/** Sampling of one picture, forward and backward. */
final class ScalarSampling {
  private ScalarSampling() {}

  static void forward(Sampling op, float[] scratch, int actAt, int outAt) {
    int channels = op.input().channels();
    sum(op.rows().forward(), op.columns().forward(), channels, scratch, actAt, outAt);
  }

  static void backward(Sampling op, float[] scratch, int dyAt, int daAt) {
    int channels = op.input().channels();
    sum(op.rows().backward(), op.columns().backward(), channels, scratch, dyAt, daAt);
  }

  /** to[i,j,c] = sum of share(i,k) * share(j,l) * from[k,l,c]. */
  private static void sum(
      Taps rows, Taps columns, int channels, float[] scratch, int from, int to) {
    int width = columns.size();
    for (int i = 0; i < rows.count(); i++) {
      for (int j = 0; j < columns.count(); j++) {
        for (int c = 0; c < channels; c++) {
          double sum = 0;
          for (int k = rows.start(i); k < rows.start(i + 1); k++) {
            for (int l = columns.start(j); l < columns.start(j + 1); l++) {
              int at = from + (rows.place(k) * width + columns.place(l)) * channels + c;
              sum += (double) rows.share(k) * columns.share(l) * scratch[at];
            }
          }
          scratch[to + (i * columns.count() + j) * channels + c] = (float) sum;
        }
      }
    }
  }
}
