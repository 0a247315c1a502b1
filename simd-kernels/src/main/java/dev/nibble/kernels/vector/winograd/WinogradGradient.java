package dev.nibble.kernels.vector.winograd;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Winograd's transform of the output's gradient for the gradient of the weights, {@code G dy G'}: 4
 * x 4 pixels in, 36 points out, by
 *
 * <pre>
 *     [ 1  0  0  0 ]
 *     [ 1  1  1  1 ]
 * G = [ 1 -1  1 -1 ]
 *     [ 1  2  4  8 ]
 *     [ 1 -2  4 -8 ]
 *     [ 0  0  0  1 ]
 * </pre>
 *
 * <p>The divisors of the points are left to {@link WinogradWeights}, which applies them once a
 * leaf. Written out as in {@link WinogradInput}.
 */
final class WinogradGradient {
  private WinogradGradient() {}

  /**
   * Transforms a row of tiles.
   *
   * @param a the gradient; the first tile's first pixel is at {@code at}
   * @param aRow floats from one row of pixels to the next
   * @param count tiles, side by side
   * @param channels a multiple of LANES; also the floats from one pixel, and one Y, to the next
   * @param v where point (i, j) of the first tile goes: {@code vt + (6 * i + j) * point}
   */
  static void transform(
      float[] a, int at, int aRow, int count, int channels, float[] v, int vt, int point) {
    edge(a, at, count, channels, v, vt, point);
    inner(a, at, aRow, count, channels, v, vt + 6 * point, point);
    outer(a, at, aRow, count, channels, v, vt + 18 * point, point);
    edge(a, at + 3 * aRow, count, channels, v, vt + 30 * point, point);
  }

  /** Row 0 from pixel row 0, row 5 from 3. */
  private static void edge(
      float[] a, int at, int count, int channels, float[] v, int vt, int point) {
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    for (int c = 0; c < channels; c += LANES) {
      for (int t = 0; t < count; t++) {
        int p = at + 4 * t * channels + c;
        int q = vt + t * channels + c;
        FloatVector even;
        FloatVector odd;
        FloatVector t0 = FloatVector.fromArray(FLOATS, a, p);
        FloatVector t1 = FloatVector.fromArray(FLOATS, a, p + channels);
        FloatVector t2 = FloatVector.fromArray(FLOATS, a, p + 2 * channels);
        FloatVector t3 = FloatVector.fromArray(FLOATS, a, p + 3 * channels);
        t0.intoArray(v, q);
        even = t0.add(t2);
        odd = t1.add(t3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = t2.fma(four, t0);
        odd = t3.fma(four, t1).mul(two);
        even.add(odd).intoArray(v, q + 3 * point);
        even.sub(odd).intoArray(v, q + 4 * point);
        t3.intoArray(v, q + 5 * point);
      }
    }
  }

  /** Rows 1 and 2: the points 1 and -1. */
  private static void inner(
      float[] a, int at, int aRow, int count, int channels, float[] v, int vt, int point) {
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    int row2 = 2 * aRow;
    int row3 = 3 * aRow;
    for (int c = 0; c < channels; c += LANES) {
      for (int t = 0; t < count; t++) {
        int p = at + 4 * t * channels + c;
        int q = vt + t * channels + c;
        FloatVector even;
        FloatVector odd;
        even = FloatVector.fromArray(FLOATS, a, p);
        even = even.add(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.add(FloatVector.fromArray(FLOATS, a, p + row3));
        FloatVector t0 = even.add(odd);
        FloatVector u0 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p);
        even = even.add(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.add(FloatVector.fromArray(FLOATS, a, p + row3));
        FloatVector t1 = even.add(odd);
        FloatVector u1 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p);
        even = even.add(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.add(FloatVector.fromArray(FLOATS, a, p + row3));
        FloatVector t2 = even.add(odd);
        FloatVector u2 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p);
        even = even.add(FloatVector.fromArray(FLOATS, a, p + row2));
        odd = FloatVector.fromArray(FLOATS, a, p + aRow);
        odd = odd.add(FloatVector.fromArray(FLOATS, a, p + row3));
        FloatVector t3 = even.add(odd);
        FloatVector u3 = even.sub(odd);
        t0.intoArray(v, q);
        even = t0.add(t2);
        odd = t1.add(t3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = t2.fma(four, t0);
        odd = t3.fma(four, t1).mul(two);
        even.add(odd).intoArray(v, q + 3 * point);
        even.sub(odd).intoArray(v, q + 4 * point);
        t3.intoArray(v, q + 5 * point);
        u0.intoArray(v, q + 6 * point);
        even = u0.add(u2);
        odd = u1.add(u3);
        even.add(odd).intoArray(v, q + 7 * point);
        even.sub(odd).intoArray(v, q + 8 * point);
        even = u2.fma(four, u0);
        odd = u3.fma(four, u1).mul(two);
        even.add(odd).intoArray(v, q + 9 * point);
        even.sub(odd).intoArray(v, q + 10 * point);
        u3.intoArray(v, q + 11 * point);
      }
    }
  }

  /** Rows 3 and 4: the points 2 and -2. */
  private static void outer(
      float[] a, int at, int aRow, int count, int channels, float[] v, int vt, int point) {
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    int row2 = 2 * aRow;
    int row3 = 3 * aRow;
    for (int c = 0; c < channels; c += LANES) {
      for (int t = 0; t < count; t++) {
        int p = at + 4 * t * channels + c;
        int q = vt + t * channels + c;
        FloatVector even;
        FloatVector odd;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(four, FloatVector.fromArray(FLOATS, a, p));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.fma(four, FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        FloatVector t0 = even.add(odd);
        FloatVector u0 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(four, FloatVector.fromArray(FLOATS, a, p));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.fma(four, FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        FloatVector t1 = even.add(odd);
        FloatVector u1 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(four, FloatVector.fromArray(FLOATS, a, p));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.fma(four, FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        FloatVector t2 = even.add(odd);
        FloatVector u2 = even.sub(odd);
        p += channels;
        even = FloatVector.fromArray(FLOATS, a, p + row2);
        even = even.fma(four, FloatVector.fromArray(FLOATS, a, p));
        odd = FloatVector.fromArray(FLOATS, a, p + row3);
        odd = odd.fma(four, FloatVector.fromArray(FLOATS, a, p + aRow)).mul(two);
        FloatVector t3 = even.add(odd);
        FloatVector u3 = even.sub(odd);
        t0.intoArray(v, q);
        even = t0.add(t2);
        odd = t1.add(t3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = t2.fma(four, t0);
        odd = t3.fma(four, t1).mul(two);
        even.add(odd).intoArray(v, q + 3 * point);
        even.sub(odd).intoArray(v, q + 4 * point);
        t3.intoArray(v, q + 5 * point);
        u0.intoArray(v, q + 6 * point);
        even = u0.add(u2);
        odd = u1.add(u3);
        even.add(odd).intoArray(v, q + 7 * point);
        even.sub(odd).intoArray(v, q + 8 * point);
        even = u2.fma(four, u0);
        odd = u3.fma(four, u1).mul(two);
        even.add(odd).intoArray(v, q + 9 * point);
        even.sub(odd).intoArray(v, q + 10 * point);
        u3.intoArray(v, q + 11 * point);
      }
    }
  }
}
