package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

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
 * <p>In two steps, as {@link WinogradInput}: {@code T = A' M}, then {@code T A}.
 */
final class WinogradOutput {
  /** Floats of a row of T. */
  private static final int ROW = WinogradSteps.TILES * 6 * LANES;

  private WinogradOutput() {}

  /**
   * Transforms a row of tiles.
   *
   * @param m point (i, j) of the first tile is at {@code mt + (6 * i + j) * point}
   * @param channels a multiple of LANES; also the floats from one M, and one pixel, to the next
   * @param count tiles
   * @param y where the first tile's first pixel goes is {@code yt}
   * @param yRow floats from one row of pixels to the next
   * @param step index in {@code m} of {@link WinogradSteps#FLOATS}
   */
  static void transform(
      float[] m,
      int mt,
      int point,
      int channels,
      int count,
      float[] y,
      int yt,
      int yRow,
      int step) {
    for (int first = 0; first < count; first += WinogradSteps.TILES) {
      int tiles = Math.min(WinogradSteps.TILES, count - first);
      int from = mt + first * channels;
      int to = yt + first * WinogradProduct.TILE * channels;
      for (int c = 0; c < channels; c += LANES) {
        columns(m, from + c, point, tiles, channels, step);
        rows(m, step, tiles, channels, y, to + c, yRow);
      }
    }
  }

  /** T = A' M. */
  private static void columns(float[] m, int at, int point, int tiles, int channels, int to) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector eight = FloatVector.broadcast(FLOATS, 8f);
    for (int j = 0; j < 6; j++) {
      for (int t = 0; t < tiles; t++) {
        int p = at + j * point + t * channels;
        int q = to + (6 * t + j) * LANES;
        FloatVector m1 = FloatVector.fromArray(FLOATS, m, p + 6 * point);
        FloatVector m2 = FloatVector.fromArray(FLOATS, m, p + 12 * point);
        FloatVector m3 = FloatVector.fromArray(FLOATS, m, p + 18 * point);
        FloatVector m4 = FloatVector.fromArray(FLOATS, m, p + 24 * point);
        FloatVector s = m1.add(m2);
        FloatVector u = m3.add(m4);
        FloatVector.fromArray(FLOATS, m, p).add(s).add(u).intoArray(m, q);
        u.fma(four, s).intoArray(m, q + 2 * ROW);
        s = m1.sub(m2);
        u = m3.sub(m4);
        u.fma(two, s).intoArray(m, q + ROW);
        u.fma(eight, s)
            .add(FloatVector.fromArray(FLOATS, m, p + 30 * point))
            .intoArray(m, q + 3 * ROW);
      }
    }
  }

  /** Y = T A. */
  private static void rows(
      float[] m, int at, int tiles, int channels, float[] y, int to, int yRow) {
    FloatVector two = FloatVector.broadcast(FLOATS, 2f);
    FloatVector four = FloatVector.broadcast(FLOATS, 4f);
    FloatVector eight = FloatVector.broadcast(FLOATS, 8f);
    for (int i = 0; i < WinogradProduct.TILE; i++) {
      for (int t = 0; t < tiles; t++) {
        int p = at + i * ROW + 6 * t * LANES;
        int q = to + i * yRow + t * WinogradProduct.TILE * channels;
        FloatVector m1 = FloatVector.fromArray(FLOATS, m, p + LANES);
        FloatVector m2 = FloatVector.fromArray(FLOATS, m, p + 2 * LANES);
        FloatVector m3 = FloatVector.fromArray(FLOATS, m, p + 3 * LANES);
        FloatVector m4 = FloatVector.fromArray(FLOATS, m, p + 4 * LANES);
        FloatVector s = m1.add(m2);
        FloatVector u = m3.add(m4);
        FloatVector.fromArray(FLOATS, m, p).add(s).add(u).intoArray(y, q);
        u.fma(four, s).intoArray(y, q + 2 * channels);
        s = m1.sub(m2);
        u = m3.sub(m4);
        u.fma(two, s).intoArray(y, q + channels);
        u.fma(eight, s)
            .add(FloatVector.fromArray(FLOATS, m, p + 5 * LANES))
            .intoArray(y, q + 3 * channels);
      }
    }
  }
}
