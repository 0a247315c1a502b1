package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;

import java.util.Arrays;

/**
 * How a product is cut into register tiles: which heights exist, what they cost, and the cheapest
 * way to cover a number of rows and of vectors with them.
 */
final class TilePlan {
  /** The widest tile, in vectors. */
  static final int MAX_VECTORS = 4;

  /**
   * AVX2 has 16 vector registers; AVX-512, the only one with 16 lanes, has 32. First, as the plans
   * need it.
   */
  private static final int REGISTERS = LANES >= 16 ? 32 : 16;

  /** Rows that are planned exactly; longer strips start with the best tile. */
  private static final int PLANNED = 64;

  /** A number of rows for plans that do not depend on it. */
  static final int MANY = PLANNED;

  private static final float NEVER = 1e9f;

  /** Plan of {@link Tiles#panel}. */
  static final TilePlan PANEL =
      new TilePlan(
          new float[][] {
            {},
            {0, 3.2f, 3.6f, 0, 4.0f, 0, 0, 0, 5.2f},
            {0, 3.6f, 3.9f, 0, 4.9f, 0, 0, 0, 8.3f},
            {0, 3.9f, 4.4f, 0, 6.2f},
            {0, 4.3f, 5.0f, 0, 8.7f}
          });

  /** Plan of {@link Tiles#pixel}. */
  static final TilePlan PIXEL =
      new TilePlan(
          new float[][] {
            {},
            {0, 3.9f, 4.0f, 0, 4.1f, 0, 0, 0, 5.7f},
            {0, 4.0f, 4.4f, 0, 5.2f, 0, 0, 0, 8.5f},
            {0, 4.8f, 4.9f, 0, 6.3f, 0, 0, 0, 12.1f},
            {0, 6.1f, 6.6f, 0, 8.7f, 0, 11.8f}
          });

  private final byte[][] heights = new byte[MAX_VECTORS + 1][PLANNED + 1];
  private final float[][] costs = new float[MAX_VECTORS + 1][PLANNED + 1];
  private final byte[][] blocks = new byte[PLANNED + 1][PLANNED + 1];

  /**
   * Plans.
   *
   * @param cycles by width in vectors and height in rows: cycles that a tile takes for one step of
   *     its sum, as measured on Zen 5 with 512 bits; 0 where there is no such tile
   */
  private TilePlan(float[][] cycles) {
    for (int v = 1; v <= MAX_VECTORS; v++) {
      for (int n = 1; n <= PLANNED; n++) {
        costs[v][n] = NEVER;
        for (int t = Math.min(n, cycles[v].length - 1); t > 0; t--) {
          boolean fits = v * t + v + 1 <= REGISTERS;
          if (fits && cycles[v][t] > 0 && cycles[v][t] + costs[v][n - t] < costs[v][n]) {
            costs[v][n] = cycles[v][t] + costs[v][n - t];
            heights[v][n] = (byte) t;
          }
        }
      }
    }
    for (int n = 1; n <= PLANNED; n++) {
      float[] best = new float[PLANNED + 1];
      Arrays.fill(best, 1, best.length, NEVER);
      for (int vectors = 1; vectors <= PLANNED; vectors++) {
        for (int v = Math.min(vectors, MAX_VECTORS); v > 0; v--) {
          if (costs[v][n] + best[vectors - v] < best[vectors]) {
            best[vectors] = costs[v][n] + best[vectors - v];
            blocks[n][vectors] = (byte) v;
          }
        }
      }
    }
  }

  /** Height of the first tile that covers {@code count} rows in a strip that many vectors wide. */
  int height(int vectors, int count) {
    return heights[vectors][Math.min(count, PLANNED)];
  }

  /** Width of the first strip when {@code vectors} are to be covered by strips of that length. */
  int block(int vectors, int count) {
    return blocks[Math.clamp(count, 1, PLANNED)][Math.min(vectors, PLANNED)];
  }

  /** Cycles of one step of the sum over {@code count} rows and {@code vectors} vectors. */
  float cost(int vectors, int count) {
    float sum = 0;
    int v;
    for (int first = 0; first < vectors; first += v) {
      v = block(vectors - first, count);
      sum += costs[v][Math.min(count, PLANNED)] * Math.max(1, (float) count / PLANNED);
    }
    return sum;
  }
}
