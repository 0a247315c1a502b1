package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.AxisSampling.Taps;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.vector.base.Lanes;
import jdk.incubator.vector.FloatVector;

/** Sampling, forward and backward; tiles as {@link Pooling} has them. */
final class Samples {
  private Samples() {}

  /**
   * Output rows {@code [first, end)}.
   *
   * @param act index of the input's row 0, C floats a pixel and one vector of slack
   * @param out index of the output's row 0, whole vectors a pixel
   */
  static void forward(
      Sampling op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int out) {
    int channels = op.input().channels();
    int width = op.input().width();
    Taps rows = op.rows().forward();
    Taps columns = op.columns().forward();
    sum(rows, columns, first, end, channels, width, fromChannel, toChannel, scratch, act, out);
  }

  /**
   * Input rows {@code [first, end)} of the gradient.
   *
   * @param dy index of row 0 of the output's gradient, C floats a pixel and one vector of slack
   * @param data index of row 0 of the input's gradient, whole vectors a pixel
   */
  static void backward(
      Sampling op,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int dy,
      int data) {
    int channels = op.input().channels();
    int width = op.outputWidth();
    Taps rows = op.rows().backward();
    Taps columns = op.columns().backward();
    sum(rows, columns, first, end, channels, width, fromChannel, toChannel, scratch, dy, data);
  }

  /**
   * to[i,j,c] = sum of share(i,k) * share(j,l) * from[k,l,c], for rows i of {@code [first, end)}.
   */
  private static void sum(
      Taps rows,
      Taps columns,
      int first,
      int end,
      int channels,
      int width,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int from,
      int to) {
    int stride = Lanes.roundUp(channels);
    for (int i = first; i < end; i++) {
      int firstRow = rows.start(i);
      int endRow = rows.start(i + 1);
      for (int j = 0; j < columns.count(); j++) {
        int firstColumn = columns.start(j);
        int endColumn = columns.start(j + 1);
        int at = to + (i * columns.count() + j) * stride;
        for (int c = fromChannel; c < toChannel; c += LANES) {
          FloatVector sum = FloatVector.zero(FLOATS);
          for (int k = firstRow; k < endRow; k++) {
            int row = from + rows.place(k) * width * channels + c;
            float share = rows.share(k);
            for (int l = firstColumn; l < endColumn; l++) {
              sum =
                  FloatVector.fromArray(FLOATS, scratch, row + columns.place(l) * channels)
                      .mul(share * columns.share(l))
                      .add(sum);
            }
          }
          sum.intoArray(scratch, at + c);
        }
      }
    }
  }
}
