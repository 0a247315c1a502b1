package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

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
 * leaf. In two steps, as {@link WinogradInput}: {@code T = G dy}, then {@code T G'}.
 */
final class WinogradGradient {
  /** Columns of pixels of the tiles that are transformed together. */
  private static final int COLUMNS = WinogradSteps.TILES * WinogradProduct.TILE;

  private WinogradGradient() {}

  /**
   * Transforms a row of tiles.
   *
   * @param a the gradient; the first tile's first pixel is at {@code at}
   * @param aRow floats from one row of pixels to the next
   * @param count tiles, side by side
   * @param channels a multiple of LANES; also the floats from one pixel, and one Y, to the next
   * @param v where point (i, j) of the first tile goes: {@code vt + (6 * i + j) * point}
   * @param step index in {@code v} of {@link WinogradSteps#FLOATS}
   */
  static void transform(
      float[] a,
      int at,
      int aRow,
      int count,
      int channels,
      float[] v,
      int vt,
      int point,
      int step) {
    for (int first = 0; first < count; first += WinogradSteps.TILES) {
      int tiles = Math.min(WinogradSteps.TILES, count - first);
      int from = at + first * WinogradProduct.TILE * channels;
      int to = vt + first * channels;
      for (int c = 0; c < channels; c += LANES) {
        columns(a, from + c, aRow, tiles * WinogradProduct.TILE, channels, v, step);
        rows(v, step, tiles, channels, to + c, point);
      }
    }
  }

  /** T = G dy. */
  private static void columns(
      float[] a, int at, int aRow, int count, int channels, float[] t, int tt) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector minusTwo = FloatVector.broadcast(FLOATS, -2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    for (int x = 0; x < count; x++) {
      int p = at + x * channels;
      int q = tt + x * LANES;
      FloatVector d0 = FloatVector.fromArray(FLOATS, a, p);
      FloatVector d1 = FloatVector.fromArray(FLOATS, a, p + aRow);
      FloatVector d2 = FloatVector.fromArray(FLOATS, a, p + 2 * aRow);
      FloatVector d3 = FloatVector.fromArray(FLOATS, a, p + 3 * aRow);
      d0.intoArray(t, q);
      FloatVector even = d0.add(d2);
      FloatVector odd = d1.add(d3);
      even.add(odd).intoArray(t, q + COLUMNS * LANES);
      even.sub(odd).intoArray(t, q + 2 * COLUMNS * LANES);
      even = d2.fma(four, d0);
      odd = d3.fma(four, d1);
      odd.fma(two, even).intoArray(t, q + 3 * COLUMNS * LANES);
      odd.fma(minusTwo, even).intoArray(t, q + 4 * COLUMNS * LANES);
      d3.intoArray(t, q + 5 * COLUMNS * LANES);
    }
  }

  /** T G'. */
  private static void rows(float[] v, int at, int tiles, int channels, int vt, int point) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector minusTwo = FloatVector.broadcast(FLOATS, -2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    for (int i = 0; i < 6; i++) {
      for (int t = 0; t < tiles; t++) {
        int p = at + (i * COLUMNS + t * WinogradProduct.TILE) * LANES;
        int q = vt + 6 * i * point + t * channels;
        FloatVector d0 = FloatVector.fromArray(FLOATS, v, p);
        FloatVector d1 = FloatVector.fromArray(FLOATS, v, p + LANES);
        FloatVector d2 = FloatVector.fromArray(FLOATS, v, p + 2 * LANES);
        FloatVector d3 = FloatVector.fromArray(FLOATS, v, p + 3 * LANES);
        d0.intoArray(v, q);
        FloatVector even = d0.add(d2);
        FloatVector odd = d1.add(d3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = d2.fma(four, d0);
        odd = d3.fma(four, d1);
        odd.fma(two, even).intoArray(v, q + 3 * point);
        odd.fma(minusTwo, even).intoArray(v, q + 4 * point);
        d3.intoArray(v, q + 5 * point);
      }
    }
  }
}
