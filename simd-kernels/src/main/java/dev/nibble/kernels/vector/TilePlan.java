package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;

import java.util.Arrays;

/**
 * How a product is cut into the register tiles of {@link Tiles1} to {@link Tiles4}: which heights
 * exist, what they cost, and the cheapest way to cover a number of pixels and of vectors.
 */
final class TilePlan {
  /** The widest tile, in vectors. */
  static final int MAX_VECTORS = 4;

  /** Heights of the tiles, by width. */
  private static final int[][] HEIGHTS = {
    {}, {8, 4, 2, 1}, {12, 8, 4, 2, 1}, {8, 4, 2, 1}, {6, 4, 2, 1}
  };

  /** AVX2 has 16 vector registers; AVX-512, the only one with 16 lanes, has 32. */
  private static final int REGISTERS = LANES >= 16 ? 32 : 16;

  /** Pixels that are planned exactly; longer strips start with the best tile. */
  private static final int PLANNED = 64;

  private static final byte[][] HEIGHT = new byte[MAX_VECTORS + 1][PLANNED + 1];
  private static final float[][] COST = new float[MAX_VECTORS + 1][PLANNED + 1];
  private static final byte[][] BLOCK = new byte[PLANNED + 1][PLANNED + 1];

  static {
    for (int v = 1; v <= MAX_VECTORS; v++) {
      for (int n = 1; n <= PLANNED; n++) {
        COST[v][n] = Float.MAX_VALUE;
        for (int t : HEIGHTS[v]) {
          if (t <= n && tileCost(v, t) + COST[v][n - t] < COST[v][n]) {
            COST[v][n] = tileCost(v, t) + COST[v][n - t];
            HEIGHT[v][n] = (byte) t;
          }
        }
      }
    }
    for (int n = 1; n <= PLANNED; n++) {
      float[] best = new float[PLANNED + 1];
      Arrays.fill(best, 1, best.length, Float.MAX_VALUE);
      for (int vectors = 1; vectors <= PLANNED; vectors++) {
        for (int v = 1; v <= Math.min(vectors, MAX_VECTORS); v++) {
          if (COST[v][n] + best[vectors - v] < best[vectors]) {
            best[vectors] = COST[v][n] + best[vectors - v];
            BLOCK[n][vectors] = (byte) v;
          }
        }
      }
    }
  }

  private TilePlan() {}

  /**
   * Cycles that one step of the reduction takes: two products a cycle, one broadcast a cycle, four
   * cycles from one addition to the next to the same sum; spilled registers count as no tile.
   */
  private static float tileCost(int vectors, int height) {
    if (vectors * height + vectors + 1 > REGISTERS) {
      return Float.MAX_VALUE / 2;
    }
    return 0.5f + Math.max(4, Math.max(vectors * height / 2f, height));
  }

  /** Height of the first tile that covers {@code count} pixels in a strip that wide. */
  static int height(int vectors, int count) {
    return HEIGHT[vectors][Math.min(count, PLANNED)];
  }

  /** Width of the first block when {@code vectors} are to be covered by strips of that length. */
  static int block(int vectors, int count) {
    return BLOCK[Math.clamp(count, 1, PLANNED)][Math.min(vectors, PLANNED)];
  }

  /** Cycles of one step of the reduction over {@code count} pixels and {@code vectors} vectors. */
  static float cost(int vectors, int count) {
    float sum = 0;
    int v;
    for (int first = 0; first < vectors; first += v) {
      v = block(vectors - first, count);
      sum += COST[v][Math.min(count, PLANNED)] * Math.max(1, (float) count / PLANNED);
    }
    return sum;
  }
}
