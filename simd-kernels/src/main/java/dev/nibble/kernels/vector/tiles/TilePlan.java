package dev.nibble.kernels.vector.tiles;

import java.util.Arrays;

/**
 * How a product is cut into register tiles: which heights exist, what they cost, and the cheapest
 * way to cover a number of rows and of vectors with them.
 */
public final class TilePlan {
  /** The widest tile, in vectors. */
  public static final int MAX_VECTORS = 4;

  /** The tallest tile, in rows. */
  static final int MAX_HEIGHT = 8;

  /** Rows that are planned exactly; longer strips start with the best tile. */
  private static final int PLANNED = 64;

  /** A number of rows for plans that do not depend on it. */
  public static final int MANY = PLANNED;

  private static final float NEVER = 1e9f;

  /** A lower tile must win by more than measurements differ: each that is used is compiled, too. */
  private static final float GAIN = 0.97f;

  /** Plan of {@link Tiles#panel}. */
  public static final TilePlan PANEL = new TilePlan(InstructionSet.CURRENT::panelCost);

  /** Plan of {@link Tiles#pixel}. */
  public static final TilePlan PIXEL = new TilePlan(InstructionSet.CURRENT::pixelCost);

  /** What a tile takes for one step of its sum; see {@link InstructionSet}. */
  interface Costs {
    /** The cost of the tile of that width and height, or 0 where there is none. */
    float of(int vectors, int height);
  }

  private final byte[][] heights = new byte[MAX_VECTORS + 1][PLANNED + 1];
  private final float[][] costs = new float[MAX_VECTORS + 1][PLANNED + 1];
  private final byte[][] blocks = new byte[PLANNED + 1][PLANNED + 1];

  /** Plans with tiles that cost so much. */
  private TilePlan(Costs tiles) {
    for (int v = 1; v <= MAX_VECTORS; v++) {
      for (int n = 1; n <= PLANNED; n++) {
        costs[v][n] = NEVER;
        for (int t = Math.min(n, MAX_HEIGHT); t > 0; t--) {
          float cost = tiles.of(v, t);
          if (cost > 0 && cost + costs[v][n - t] < GAIN * costs[v][n]) {
            costs[v][n] = cost + costs[v][n - t];
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
  public int block(int vectors, int count) {
    return blocks[Math.clamp(count, 1, PLANNED)][Math.min(vectors, PLANNED)];
  }

  /** Cycles of one step of the sum over {@code count} rows and {@code vectors} vectors. */
  public float cost(int vectors, int count) {
    float sum = 0;
    int v;
    for (int first = 0; first < vectors; first += v) {
      v = block(vectors - first, count);
      sum += costs[v][Math.min(count, PLANNED)] * Math.max(1, (float) count / PLANNED);
    }
    return sum;
  }
}
