package dev.nibble.kernels.vector.tiles;

import static dev.nibble.kernels.vector.base.Lanes.LANES;

/**
 * The two micro-kernels behind a convolution's three products: small matrix products whose sums
 * stay in registers, over heap arrays.
 *
 * <p>They differ in which stride is one. With it known, C2 lifts the bounds checks of {@code a} out
 * of the loop, which is worth half of the speed.
 */
public final class Tiles {
  private Tiles() {}

  /**
   * Product with a packed panel: for t below {@code count} and l below {@code vectors * LANES},
   * {@code c[ct + t * cT + l] = sum over row < rows, col < cols, r < red of a[at + t * aT + row *
   * aRow + col * aCol + r] * b[bt + ((row * cols + col) * red + r) * vectors * LANES + l]}.
   *
   * @param vectors width of the panel, 1 to {@link TilePlan#MAX_VECTORS}
   */
  public static void panel(
      int vectors,
      int count,
      int rows,
      int cols,
      int red,
      float[] a,
      int at,
      int aT,
      int aRow,
      int aCol,
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    if (vectors == 1
        && rows == 1
        && cols == 1
        && red == ResidentTiles.DEPTH
        && LANES >= ResidentTiles.DEPTH) {
      ResidentTiles.t16(count, a, at, aT, b, bt, c, ct, cT);
      return;
    }
    for (int t = 0, height; t < count; t += height) {
      height = TilePlan.PANEL.height(vectors, count - t);
      int p = at + t * aT;
      int q = ct + t * cT;
      if (vectors == 1 && height == 8 && cols == 1 && red == 3 * aT) {
        SlidingTiles.t8(rows, aT, a, p, aRow, b, bt, c, q, cT);
        continue;
      }
      switch (vectors) {
        case 1 -> PanelTiles1.run(height, rows, cols, red, a, p, aT, aRow, aCol, b, bt, c, q, cT);
        case 2 -> PanelTiles2.run(height, rows, cols, red, a, p, aT, aRow, aCol, b, bt, c, q, cT);
        case 3 -> PanelTiles3.run(height, rows, cols, red, a, p, aT, aRow, aCol, b, bt, c, q, cT);
        case 4 -> PanelTiles4.run(height, rows, cols, red, a, p, aT, aRow, aCol, b, bt, c, q, cT);
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
  public static void pixel(
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
      switch (vectors) {
        case 1 -> PixelTiles1.run(height, rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 2 -> PixelTiles2.run(height, rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 3 -> PixelTiles3.run(height, rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        case 4 -> PixelTiles4.run(height, rows, red, a, p, aRow, aR, b, bt, bRow, bR, c, q, cT);
        default ->
            throw new IllegalArgumentException("No pixel tile is " + vectors + " vectors wide");
      }
    }
  }
}
