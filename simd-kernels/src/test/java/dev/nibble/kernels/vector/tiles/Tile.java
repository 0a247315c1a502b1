package dev.nibble.kernels.vector.tiles;

import dev.nibble.kernels.vector.base.Lanes;
import java.util.ArrayList;
import java.util.List;

/**
 * A generated tile, called past the plans.
 *
 * @param vectors its width
 */
record Tile(int vectors, int height) {
  /** Every tile of a panel. */
  static List<Tile> panels() {
    List<Tile> tiles = new ArrayList<>();
    float[] some = new float[1000];
    for (Tile tile : all()) {
      if (exists(() -> tile.panel(0, 0, 0, some, 0, 0, 0, 0, some, 0, some, 0, tile.width()))) {
        tiles.add(tile);
      }
    }
    return tiles;
  }

  /** Every tile over pixels. */
  static List<Tile> pixels() {
    List<Tile> tiles = new ArrayList<>();
    float[] some = new float[1000];
    for (Tile tile : all()) {
      if (exists(() -> tile.pixel(0, 0, some, 0, 0, 0, some, 0, 0, 0, some, 0, tile.width()))) {
        tiles.add(tile);
      }
    }
    return tiles;
  }

  private static List<Tile> all() {
    List<Tile> tiles = new ArrayList<>();
    for (int vectors = 1; vectors <= TilePlan.MAX_VECTORS; vectors++) {
      for (int height = 1; height <= TilePlan.MAX_HEIGHT; height++) {
        tiles.add(new Tile(vectors, height));
      }
    }
    return tiles;
  }

  private static boolean exists(Runnable tile) {
    try {
      tile.run();
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  int width() {
    return vectors * Lanes.LANES;
  }

  void panel(
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
    switch (vectors) {
      case 1 -> PanelTiles1.run(height, rows, cols, red, a, at, aT, aRow, aCol, b, bt, c, ct, cT);
      case 2 -> PanelTiles2.run(height, rows, cols, red, a, at, aT, aRow, aCol, b, bt, c, ct, cT);
      case 3 -> PanelTiles3.run(height, rows, cols, red, a, at, aT, aRow, aCol, b, bt, c, ct, cT);
      default -> PanelTiles4.run(height, rows, cols, red, a, at, aT, aRow, aCol, b, bt, c, ct, cT);
    }
  }

  void pixel(
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
    switch (vectors) {
      case 1 -> PixelTiles1.run(height, rows, red, a, at, aRow, aR, b, bt, bRow, bR, c, ct, cT);
      case 2 -> PixelTiles2.run(height, rows, red, a, at, aRow, aR, b, bt, bRow, bR, c, ct, cT);
      case 3 -> PixelTiles3.run(height, rows, red, a, at, aRow, aR, b, bt, bRow, bR, c, ct, cT);
      default -> PixelTiles4.run(height, rows, red, a, at, aRow, aR, b, bt, bRow, bR, c, ct, cT);
    }
  }
}
