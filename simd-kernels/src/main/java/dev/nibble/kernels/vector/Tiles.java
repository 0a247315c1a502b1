package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;

/**
 * The two micro-kernels behind a convolution's three products: small matrix products whose sums
 * stay in registers, over heap arrays.
 *
 * <p>They differ in which stride is one. With it known, C2 lifts the bounds checks of {@code a} out
 * of the loop, which is worth half of the speed.
 */
final class Tiles {
  private Tiles() {}

  private static int key(int vectors, int height) {
    return vectors * 16 + height;
  }

  /**
   * Product with a packed panel: for t below {@code count} and l below {@code vectors * LANES},
   * {@code c[ct + t * cT + l] = sum over row < rows, r < red of a[at + t * aT + row * aRow + r] *
   * b[bt + (row * red + r) * vectors * LANES + l]}.
   *
   * @param vectors width of the panel, 1 to {@link TilePlan#MAX_VECTORS}
   */
  static void panel(
      int vectors,
      int count,
      int rows,
      int red,
      float[] a,
      int at,
      int aT,
      int aRow,
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    if (vectors == 1 && rows == 1 && red == ResidentTiles.DEPTH && LANES >= 16) {
      ResidentTiles.t16(count, a, at, aT, b, bt, c, ct, cT);
      return;
    }
    for (int t = 0, height; t < count; t += height) {
      height = TilePlan.PANEL.height(vectors, count - t);
      int p = at + t * aT;
      int q = ct + t * cT;
      if (vectors == 1 && height == 8 && red == 3 * aT) {
        SlidingTiles.t8(rows, aT, a, p, aRow, b, bt, c, q, cT);
        continue;
      }
      switch (key(vectors, height)) {
        case 24 -> PanelTiles1.t8(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 20 -> PanelTiles1.t4(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 18 -> PanelTiles1.t2(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 17 -> PanelTiles1.t1(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 40 -> PanelTiles2.t8(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 36 -> PanelTiles2.t4(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 34 -> PanelTiles2.t2(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 33 -> PanelTiles2.t1(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 52 -> PanelTiles3.t4(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 50 -> PanelTiles3.t2(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 49 -> PanelTiles3.t1(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 68 -> PanelTiles4.t4(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 66 -> PanelTiles4.t2(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        case 65 -> PanelTiles4.t1(rows, red, a, p, aT, aRow, b, bt, c, q, cT);
        default ->
            throw new IllegalArgumentException("No panel tile is " + vectors + " vectors wide");
      }
    }
  }

  /**
   * Sum over pixels: for t below {@code count} and l below {@code vectors * LANES}, {@code c[ct + t
   * * cT + l] += sum over row < rows, r < red of a[at + t + row * aRow + r * aR] * b[bt + row *
   * bRow + r * bR + l]}.
   *
   * @param vectors width of the sums, 1 to {@link TilePlan#MAX_VECTORS}
   */
  static void pixel(
      int vectors,
      int count,
      int rows,
      int red,
      float[] a,
      int at,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT) {
    for (int t = 0, height; t < count; t += height) {
      height = TilePlan.PIXEL.height(vectors, count - t);
      int p = at + t;
      int q = ct + t * cT;
      switch (key(vectors, height)) {
        case 24 -> PixelTiles1.t8(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 20 -> PixelTiles1.t4(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 18 -> PixelTiles1.t2(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 17 -> PixelTiles1.t1(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 40 -> PixelTiles2.t8(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 36 -> PixelTiles2.t4(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 34 -> PixelTiles2.t2(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 33 -> PixelTiles2.t1(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 56 -> PixelTiles3.t8(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 52 -> PixelTiles3.t4(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 50 -> PixelTiles3.t2(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 49 -> PixelTiles3.t1(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 70 -> PixelTiles4.t6(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 68 -> PixelTiles4.t4(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 66 -> PixelTiles4.t2(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 65 -> PixelTiles4.t1(rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        default ->
            throw new IllegalArgumentException("No pixel tile is " + vectors + " vectors wide");
      }
    }
  }
}
