package dev.nibble.kernels.vector.winograd;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Winograd's transform of the products, {@code Y = A' M A}: 36 points in, 4 x 4 pixels out, by
 *
 * <pre>
 *      [ 1  1  1  1  1  0 ]
 * A' = [ 0  1 -1  2 -2  0 ]
 *      [ 0  1  1  4  4  0 ]
 *      [ 0  1 -1  8 -8  1 ]
 * </pre>
 *
 * <p>Rows 0 and 2 of Y share the even sums, rows 1 and 3 the odd ones; written out as in {@link
 * WinogradInput}.
 */
final class WinogradOutput {
  private WinogradOutput() {}

  /**
   * Transforms a row of tiles.
   *
   * @param m point (i, j) of the first tile is at {@code mt + (6 * i + j) * point}
   * @param channels a multiple of LANES; also the floats from one M to the next
   * @param count tiles
   * @param y where the first tile's first pixel goes is {@code yt}
   * @param yPixel floats from one pixel to the next
   * @param yRow floats from one row of pixels to the next
   */
  static void transform(
      float[] m,
      int mt,
      int point,
      int channels,
      int count,
      float[] y,
      int yt,
      int yPixel,
      int yRow) {
    even(m, mt, point, channels, count, y, yt, yPixel, yRow);
    odd(m, mt, point, channels, count, y, yt + yRow, yPixel, yRow);
  }

  private static void even(
      float[] m,
      int mt,
      int point,
      int channels,
      int count,
      float[] y,
      int yt,
      int yPixel,
      int yRow) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector eight = FloatVector.broadcast(FLOATS, 8f);
    int row = 6 * point;
    for (int c = 0; c < channels; c += LANES) {
      for (int t = 0; t < count; t++) {
        int p = mt + t * channels + c;
        int q = yt + 4 * t * yPixel + c;
        FloatVector s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.add(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        FloatVector u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.add(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t0 = FloatVector.fromArray(FLOATS, m, p).add(s).add(u);
        FloatVector u0 = u.fma(four, s);
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.add(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.add(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t1 = FloatVector.fromArray(FLOATS, m, p).add(s).add(u);
        FloatVector u1 = u.fma(four, s);
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.add(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.add(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t2 = FloatVector.fromArray(FLOATS, m, p).add(s).add(u);
        FloatVector u2 = u.fma(four, s);
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.add(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.add(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t3 = FloatVector.fromArray(FLOATS, m, p).add(s).add(u);
        FloatVector u3 = u.fma(four, s);
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.add(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.add(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t4 = FloatVector.fromArray(FLOATS, m, p).add(s).add(u);
        FloatVector u4 = u.fma(four, s);
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.add(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.add(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t5 = FloatVector.fromArray(FLOATS, m, p).add(s).add(u);
        FloatVector u5 = u.fma(four, s);
        s = t1.add(t2);
        u = t3.add(t4);
        t0.add(s).add(u).intoArray(y, q);
        u.fma(four, s).intoArray(y, q + 2 * yPixel);
        s = t1.sub(t2);
        u = t3.sub(t4);
        u.fma(two, s).intoArray(y, q + yPixel);
        u.fma(eight, s).add(t5).intoArray(y, q + 3 * yPixel);
        q += 2 * yRow;
        s = u1.add(u2);
        u = u3.add(u4);
        u0.add(s).add(u).intoArray(y, q);
        u.fma(four, s).intoArray(y, q + 2 * yPixel);
        s = u1.sub(u2);
        u = u3.sub(u4);
        u.fma(two, s).intoArray(y, q + yPixel);
        u.fma(eight, s).add(u5).intoArray(y, q + 3 * yPixel);
      }
    }
  }

  private static void odd(
      float[] m,
      int mt,
      int point,
      int channels,
      int count,
      float[] y,
      int yt,
      int yPixel,
      int yRow) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector eight = FloatVector.broadcast(FLOATS, 8f);
    int row = 6 * point;
    for (int c = 0; c < channels; c += LANES) {
      for (int t = 0; t < count; t++) {
        int p = mt + t * channels + c;
        int q = yt + 4 * t * yPixel + c;
        FloatVector s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.sub(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        FloatVector u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.sub(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t0 = u.fma(two, s);
        FloatVector u0 = u.fma(eight, s).add(FloatVector.fromArray(FLOATS, m, p + 5 * row));
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.sub(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.sub(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t1 = u.fma(two, s);
        FloatVector u1 = u.fma(eight, s).add(FloatVector.fromArray(FLOATS, m, p + 5 * row));
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.sub(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.sub(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t2 = u.fma(two, s);
        FloatVector u2 = u.fma(eight, s).add(FloatVector.fromArray(FLOATS, m, p + 5 * row));
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.sub(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.sub(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t3 = u.fma(two, s);
        FloatVector u3 = u.fma(eight, s).add(FloatVector.fromArray(FLOATS, m, p + 5 * row));
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.sub(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.sub(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t4 = u.fma(two, s);
        FloatVector u4 = u.fma(eight, s).add(FloatVector.fromArray(FLOATS, m, p + 5 * row));
        p += point;
        s = FloatVector.fromArray(FLOATS, m, p + row);
        s = s.sub(FloatVector.fromArray(FLOATS, m, p + 2 * row));
        u = FloatVector.fromArray(FLOATS, m, p + 3 * row);
        u = u.sub(FloatVector.fromArray(FLOATS, m, p + 4 * row));
        FloatVector t5 = u.fma(two, s);
        FloatVector u5 = u.fma(eight, s).add(FloatVector.fromArray(FLOATS, m, p + 5 * row));
        s = t1.add(t2);
        u = t3.add(t4);
        t0.add(s).add(u).intoArray(y, q);
        u.fma(four, s).intoArray(y, q + 2 * yPixel);
        s = t1.sub(t2);
        u = t3.sub(t4);
        u.fma(two, s).intoArray(y, q + yPixel);
        u.fma(eight, s).add(t5).intoArray(y, q + 3 * yPixel);
        q += 2 * yRow;
        s = u1.add(u2);
        u = u3.add(u4);
        u0.add(s).add(u).intoArray(y, q);
        u.fma(four, s).intoArray(y, q + 2 * yPixel);
        s = u1.sub(u2);
        u = u3.sub(u4);
        u.fma(two, s).intoArray(y, q + yPixel);
        u.fma(eight, s).add(u5).intoArray(y, q + 3 * yPixel);
      }
    }
  }
}
