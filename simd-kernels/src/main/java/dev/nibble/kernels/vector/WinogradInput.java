package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

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
 * <p>First {@code T = B' d} for the columns of a few tiles, of which neighbours share two, then
 * {@code T B} for every tile; T stays in L1. Both are small methods, because C2 inlines the
 * vectors' methods late beyond its node budget, and may then keep vectors as objects.
 */
final class WinogradInput {
  /** Columns of pixels of the tiles that are transformed together. */
  private static final int COLUMNS = WinogradSteps.TILES * WinogradProduct.TILE + 2;

  private WinogradInput() {}

  /**
   * Transforms a row of tiles.
   *
   * @param a the activation; the first tile's first pixel is at {@code at}
   * @param aRow floats from one row of pixels to the next
   * @param count tiles
   * @param channels a multiple of LANES; also the floats from one pixel, and one V, to the next
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
        columns(a, from + c, aRow, tiles * WinogradProduct.TILE + 2, channels, v, step);
        rows(v, step, tiles, channels, to + c, point);
      }
    }
  }

  /** T = B' d. */
  private static void columns(
      float[] a, int at, int aRow, int count, int channels, float[] t, int tt) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector minusTwo = FloatVector.broadcast(FLOATS, -2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector minusFour = FloatVector.broadcast(FLOATS, -4f);
    FloatVector minusFive = FloatVector.broadcast(FLOATS, -5f);
    for (int x = 0; x < count; x++) {
      int p = at + x * channels;
      int q = tt + x * LANES;
      FloatVector d0 = FloatVector.fromArray(FLOATS, a, p);
      FloatVector d1 = FloatVector.fromArray(FLOATS, a, p + aRow);
      FloatVector d2 = FloatVector.fromArray(FLOATS, a, p + 2 * aRow);
      FloatVector d3 = FloatVector.fromArray(FLOATS, a, p + 3 * aRow);
      FloatVector d4 = FloatVector.fromArray(FLOATS, a, p + 4 * aRow);
      FloatVector d5 = FloatVector.fromArray(FLOATS, a, p + 5 * aRow);
      d0.fma(four, d2.fma(minusFive, d4)).intoArray(t, q);
      FloatVector even = d2.fma(minusFour, d4);
      FloatVector odd = d1.fma(minusFour, d3);
      even.add(odd).intoArray(t, q + COLUMNS * LANES);
      even.sub(odd).intoArray(t, q + 2 * COLUMNS * LANES);
      even = d4.sub(d2);
      odd = d3.sub(d1);
      odd.fma(two, even).intoArray(t, q + 3 * COLUMNS * LANES);
      odd.fma(minusTwo, even).intoArray(t, q + 4 * COLUMNS * LANES);
      d1.fma(four, d3.fma(minusFive, d5)).intoArray(t, q + 5 * COLUMNS * LANES);
    }
  }

  /** V = T B. */
  private static void rows(float[] v, int at, int tiles, int channels, int vt, int point) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector minusTwo = FloatVector.broadcast(FLOATS, -2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector minusFour = FloatVector.broadcast(FLOATS, -4f);
    FloatVector minusFive = FloatVector.broadcast(FLOATS, -5f);
    for (int i = 0; i < 6; i++) {
      for (int t = 0; t < tiles; t++) {
        int p = at + (i * COLUMNS + t * WinogradProduct.TILE) * LANES;
        int q = vt + 6 * i * point + t * channels;
        FloatVector d0 = FloatVector.fromArray(FLOATS, v, p);
        FloatVector d1 = FloatVector.fromArray(FLOATS, v, p + LANES);
        FloatVector d2 = FloatVector.fromArray(FLOATS, v, p + 2 * LANES);
        FloatVector d3 = FloatVector.fromArray(FLOATS, v, p + 3 * LANES);
        FloatVector d4 = FloatVector.fromArray(FLOATS, v, p + 4 * LANES);
        FloatVector d5 = FloatVector.fromArray(FLOATS, v, p + 5 * LANES);
        d0.fma(four, d2.fma(minusFive, d4)).intoArray(v, q);
        FloatVector even = d2.fma(minusFour, d4);
        FloatVector odd = d1.fma(minusFour, d3);
        even.add(odd).intoArray(v, q + point);
        even.sub(odd).intoArray(v, q + 2 * point);
        even = d4.sub(d2);
        odd = d3.sub(d1);
        odd.fma(two, even).intoArray(v, q + 3 * point);
        odd.fma(minusTwo, even).intoArray(v, q + 4 * point);
        d1.fma(four, d3.fma(minusFive, d5)).intoArray(v, q + 5 * point);
      }
    }
  }
}
