package dev.nibble.kernels.vector.winograd;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Winograd's transform of the activation, {@code V = B' d B}: 6 x 6 pixels in, 36 points out, by
 *
 * <pre>
 *      [ 4  0 -5  0  1  0 ]
 *      [ 0 -4 -4  1  1  0 ]
 * B' = [ 0  4 -4 -1  1  0 ]
 *      [ 0 -2 -1  2  1  0 ]
 *      [ 0  2 -1 -2  1  0 ]
 *      [ 0  4  0 -5  0  1 ]
 * </pre>
 *
 * <p>36 vectors fit no register file, so the rows of V are made one or two at a time: rows 1 and 2,
 * and 3 and 4, share their sums. Each is a method of its own, written out, because C2 keeps a
 * vector in a register only if it is a local variable, and compiles no method beyond its node
 * budget.
 */
final class WinogradInput {
  private WinogradInput() {}

  /**
   * Transforms a row of tiles.
   *
   * @param a the activation; the first tile's first pixel is at {@code at}
   * @param aRow floats from one row of pixels to the next
   * @param count tiles
   * @param channels a multiple of LANES; also the floats from one pixel, and one V, to the next
   * @param v where point (i, j) of the first tile goes: {@code vt + (6 * i + j) * point}
   */
  static void transform(
      float[] a, int at, int aRow, int count, int channels, float[] v, int vt, int point) {
    edge(a, at, aRow, count, channels, v, vt, point);
    inner(a, at, aRow, count, channels, v, vt + 6 * point, point);
    outer(a, at, aRow, count, channels, v, vt + 18 * point, point);
    edge(a, at + aRow, aRow, count, channels, v, vt + 30 * point, point);
  }

  /** Row 0 from pixel rows 0, 2, 4; row 5 from 1, 3, 5. */
  private static void edge(
      float[] a, int at, int aRow, int count, int channels, float[] v, int vt, int point) {
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector minusFour = FloatVector.broadcast(FLOATS, -4f);
    FloatVector minusFive = FloatVector.broadcast(FLOATS, -5f);
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    int row2 = 2 * aRow;
    int row4 = 4 * aRow;
    for (int c = 0; c < channels; c += LANES) {
      FloatVector even;
      FloatVector odd;
      int p = at + c;
      FloatVector t0;
      FloatVector t1;
      t0 = FloatVector.fromArray(FLOATS, a, p + row2);
      t0 = t0.fma(minusFive, FloatVector.fromArray(FLOATS, a, p + row4));
      t0 = FloatVector.fromArray(FLOATS, a, p).fma(four, t0);
      p += channels;
      t1 = FloatVector.fromArray(FLOATS, a, p + row2);
      t1 = t1.fma(minusFive, FloatVector.fromArray(FLOATS, a, p + row4));
      t1 = FloatVector.fromArray(FLOATS, a, p).fma(four, t1);
      p += channels;
      for (int t = 0; t < count; t++) {
        int q = vt + t * channels + c;
        FloatVector t2;
        FloatVector t3;
        FloatVector t4;
        FloatVector t5;
        t2 = FloatVector.fromArray(FLOATS, a, p + row2);
        t2 = t2.fma(minusFive, FloatVector.fromArray(FLOATS, a, p + row4));
        t2 = FloatVector.fromArray(FLOATS, a, p).fma(four, t2);
        p += channels;
        t3 = FloatVector.fromArray(FLOATS, a, p + row2);
        t3 = t3.fma(minusFive, FloatVector.fromArray(FLOATS, a, p + row4));
        t3 = FloatVector.fromArray(FLOATS, a, p).fma(four, t3);
        p += channels;
        t4 = FloatVector.fromArray(FLOATS, a, p + row2);
        t4 = t4.fma(minusFive, FloatVector.fromArray(FLOATS, a, p + row4));
        t4 = FloatVector.fromArray(FLOATS, a, p).fma(four, t4);
        p += channels;
        t5 = FloatVector.fromArray(FLOATS, a, p + row2);
        t5 = t5.fma(minusFive, FloatVector.fromArray(FLOATS, a, p + row4));
        t5 = FloatVector.fromArray(FLOATS, a, p).fma(four, t5);
        t0.fma(four, t2.fma(minusFive, t4)).intoArray(v, q);
        even = t2.fma(minusFour, t4);
        odd = t1.fma(minusFour, t3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = t4.sub(t2);
        odd = t3.sub(t1).mul(two);
        even.add(odd).intoArray(v, q + 3 * point);
        even.sub(odd).intoArray(v, q + 4 * point);
        t1.fma(four, t3.fma(minusFive, t5)).intoArray(v, q + 5 * point);
        p += channels;
        t0 = t4;
        t1 = t5;
      }
    }
  }

  /** Rows 1 and 2: the points 1 and -1. */
  private static void inner(
      float[] a, int at, int aRow, int count, int channels, float[] v, int vt, int point) {
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector minusFour = FloatVector.broadcast(FLOATS, -4f);
    FloatVector minusFive = FloatVector.broadcast(FLOATS, -5f);
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    int row2 = 2 * aRow;
    int row3 = 3 * aRow;
    int row4 = 4 * aRow;
    for (int c = 0; c < channels; c += LANES) {
      FloatVector even;
      FloatVector odd;
      int p = at + c;
      FloatVector t0;
      FloatVector u0;
      FloatVector t1;
      FloatVector u1;
      even = FloatVector.fromArray(FLOATS, a, p + row2);
      even = even.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row4));
      odd = FloatVector.fromArray(FLOATS, a, p + aRow);
      odd = odd.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row3));
      t0 = even.add(odd);
      u0 = even.sub(odd);
      p += channels;
      even = FloatVector.fromArray(FLOATS, a, p + row2);
      even = even.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row4));
      odd = FloatVector.fromArray(FLOATS, a, p + aRow);
      odd = odd.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row3));
      t1 = even.add(odd);
      u1 = even.sub(odd);
      p += channels;
      for (int t = 0; t < count; t++) {
        int q = vt + t * channels + c;
        FloatVector t2;
        FloatVector u2;
        FloatVector t3;
        FloatVector u3;
        FloatVector t4;
        FloatVector u4;
        FloatVector t5;
        FloatVector u5;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row4));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row3));
        t2 = even.add(odd);
        u2 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row4));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row3));
        t3 = even.add(odd);
        u3 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row4));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row3));
        t4 = even.add(odd);
        u4 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row4));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.fma(minusFour, FloatVector.fromArray(FLOATS, a, p + row3));
        t5 = even.add(odd);
        u5 = even.sub(odd);
        t0.fma(four, t2.fma(minusFive, t4)).intoArray(v, q);
        even = t2.fma(minusFour, t4);
        odd = t1.fma(minusFour, t3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = t4.sub(t2);
        odd = t3.sub(t1).mul(two);
        even.add(odd).intoArray(v, q + 3 * point);
        even.sub(odd).intoArray(v, q + 4 * point);
        t1.fma(four, t3.fma(minusFive, t5)).intoArray(v, q + 5 * point);
        u0.fma(four, u2.fma(minusFive, u4)).intoArray(v, q + 6 * point);
        even = u2.fma(minusFour, u4);
        odd = u1.fma(minusFour, u3);
        even.add(odd).intoArray(v, q + 7 * point);
        even.sub(odd).intoArray(v, q + 8 * point);
        even = u4.sub(u2);
        odd = u3.sub(u1).mul(two);
        even.add(odd).intoArray(v, q + 9 * point);
        even.sub(odd).intoArray(v, q + 10 * point);
        u1.fma(four, u3.fma(minusFive, u5)).intoArray(v, q + 11 * point);
        p += channels;
        t0 = t4;
        u0 = u4;
        t1 = t5;
        u1 = u5;
      }
    }
  }

  /** Rows 3 and 4: the points 2 and -2. */
  private static void outer(
      float[] a, int at, int aRow, int count, int channels, float[] v, int vt, int point) {
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector minusFour = FloatVector.broadcast(FLOATS, -4f);
    FloatVector minusFive = FloatVector.broadcast(FLOATS, -5f);
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    int row2 = 2 * aRow;
    int row3 = 3 * aRow;
    int row4 = 4 * aRow;
    for (int c = 0; c < channels; c += LANES) {
      FloatVector even;
      FloatVector odd;
      int p = at + c;
      FloatVector t0;
      FloatVector u0;
      FloatVector t1;
      FloatVector u1;
      even = FloatVector.fromArray(FLOATS, a, p + row4);
      even = even.sub(FloatVector.fromArray(FLOATS, a, p + row2));
      odd = FloatVector.fromArray(FLOATS, a, p + row3);
      odd = odd.sub(FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
      t0 = even.add(odd);
      u0 = even.sub(odd);
      p += channels;
      even = FloatVector.fromArray(FLOATS, a, p + row4);
      even = even.sub(FloatVector.fromArray(FLOATS, a, p + row2));
      odd = FloatVector.fromArray(FLOATS, a, p + row3);
      odd = odd.sub(FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
      t1 = even.add(odd);
      u1 = even.sub(odd);
      p += channels;
      for (int t = 0; t < count; t++) {
        int q = vt + t * channels + c;
        FloatVector t2;
        FloatVector u2;
        FloatVector t3;
        FloatVector u3;
        FloatVector t4;
        FloatVector u4;
        FloatVector t5;
        FloatVector u5;
        even = FloatVector.fromArray(FLOATS, a, p + row4);
        even = even.sub(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.sub(FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        t2 = even.add(odd);
        u2 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row4);
        even = even.sub(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.sub(FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        t3 = even.add(odd);
        u3 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row4);
        even = even.sub(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.sub(FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        t4 = even.add(odd);
        u4 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row4);
        even = even.sub(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.sub(FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        t5 = even.add(odd);
        u5 = even.sub(odd);
        t0.fma(four, t2.fma(minusFive, t4)).intoArray(v, q);
        even = t2.fma(minusFour, t4);
        odd = t1.fma(minusFour, t3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = t4.sub(t2);
        odd = t3.sub(t1).mul(two);
        even.add(odd).intoArray(v, q + 3 * point);
        even.sub(odd).intoArray(v, q + 4 * point);
        t1.fma(four, t3.fma(minusFive, t5)).intoArray(v, q + 5 * point);
        u0.fma(four, u2.fma(minusFive, u4)).intoArray(v, q + 6 * point);
        even = u2.fma(minusFour, u4);
        odd = u1.fma(minusFour, u3);
        even.add(odd).intoArray(v, q + 7 * point);
        even.sub(odd).intoArray(v, q + 8 * point);
        even = u4.sub(u2);
        odd = u3.sub(u1).mul(two);
        even.add(odd).intoArray(v, q + 9 * point);
        even.sub(odd).intoArray(v, q + 10 * point);
        u1.fma(four, u3.fma(minusFive, u5)).intoArray(v, q + 11 * point);
        p += channels;
        t0 = t4;
        u0 = u4;
        t1 = t5;
        u1 = u5;
      }
    }
  }
}
