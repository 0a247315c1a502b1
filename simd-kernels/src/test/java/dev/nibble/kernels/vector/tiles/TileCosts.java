package dev.nibble.kernels.vector.tiles;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import java.util.Locale;
import jdk.incubator.vector.FloatVector;

/**
 * Measures every tile and prints the tables of {@link InstructionSet}; run by hand, on a machine
 * that does nothing else.
 *
 * <p>A panel lies in L1, as 256 vectors do; the rows come from two tiles in turn. The unit is the
 * time of two products that touch no memory.
 */
public final class TileCosts {
  private static final int PANEL_VECTORS = 256;
  private static final int TILES = 2;
  private static final long WARM_UP = 1_000_000_000;
  private static final long MEASURED = 60_000_000;

  private final float[] a = new float[TILES * TilePlan.MAX_HEIGHT * PANEL_VECTORS];
  private final float[] b = new float[PANEL_VECTORS * LANES];
  private final float[] c = new float[TILES * TilePlan.MAX_HEIGHT * TilePlan.MAX_VECTORS * LANES];

  private TileCosts() {}

  /**
   * Prints the peak, and for each product the costs and in a comment the shares of the peak.
   *
   * @param arguments {@code panel} or {@code pixel}; both if missing
   */
  public static void main(String[] arguments) {
    TileCosts costs = new TileCosts();
    double peak = costs.peak();
    System.out.printf(
        Locale.ROOT,
        "%s, %d bits: %.1f GFLOP/s%n",
        InstructionSet.CURRENT,
        32 * LANES,
        2 * LANES / peak);
    for (String product : arguments.length > 0 ? arguments : new String[] {"panel", "pixel"}) {
      costs.table(product, peak);
    }
  }

  private void table(String product, double peak) {
    System.out.printf(Locale.ROOT, "%s%n", product);
    for (int v = 1; v <= TilePlan.MAX_VECTORS; v++) {
      StringBuilder row = new StringBuilder("{0");
      StringBuilder shares = new StringBuilder();
      for (int t = 1; t <= TilePlan.MAX_HEIGHT; t++) {
        double step = exists(product, v, t) ? step(product, v, t) : 0;
        row.append(step == 0 ? ", 0" : String.format(Locale.ROOT, ", %.1ff", step / peak / 2));
        shares.append(
            step == 0
                ? ""
                : String.format(Locale.ROOT, " %dx%d %.0f %%", t, v, 100 * peak * v * t / step));
      }
      System.out.printf(Locale.ROOT, "%s} //%s%n", row, shares);
    }
  }

  private boolean exists(String product, int vectors, int height) {
    try {
      run(product, vectors, height, 1, 0);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private double step(String product, int vectors, int height) {
    int depth = PANEL_VECTORS / vectors;
    int calls = 4;
    long end = System.nanoTime() + WARM_UP;
    while (System.nanoTime() < end) {
      run(product, vectors, height, depth, 0);
    }
    double best = Double.MAX_VALUE;
    end = System.nanoTime() + MEASURED;
    while (System.nanoTime() < end) {
      long start = System.nanoTime();
      for (int i = 0; i < calls * TILES; i++) {
        run(product, vectors, height, depth, i % TILES);
      }
      best = Math.min(best, (double) (System.nanoTime() - start) / (calls * TILES * depth));
      calls = Math.min(1000, calls * 2);
    }
    return best;
  }

  private void run(String product, int v, int t, int depth, int tile) {
    int w = v * LANES;
    int at = tile * t * depth;
    int ct = tile * t * w;
    if (product.equals("panel")) {
      switch (v) {
        case 1 -> PanelTiles1.run(t, 1, 1, depth, a, at, depth, 0, 0, b, 0, c, ct, w);
        case 2 -> PanelTiles2.run(t, 1, 1, depth, a, at, depth, 0, 0, b, 0, c, ct, w);
        case 3 -> PanelTiles3.run(t, 1, 1, depth, a, at, depth, 0, 0, b, 0, c, ct, w);
        default -> PanelTiles4.run(t, 1, 1, depth, a, at, depth, 0, 0, b, 0, c, ct, w);
      }
    } else {
      switch (v) {
        case 1 -> PixelTiles1.run(t, 1, depth, a, at, 0, t, b, 0, 0, w, c, ct, w);
        case 2 -> PixelTiles2.run(t, 1, depth, a, at, 0, t, b, 0, 0, w, c, ct, w);
        case 3 -> PixelTiles3.run(t, 1, depth, a, at, 0, t, b, 0, 0, w, c, ct, w);
        default -> PixelTiles4.run(t, 1, depth, a, at, 0, t, b, 0, 0, w, c, ct, w);
      }
    }
  }

  /** Nanoseconds of one product at the peak. */
  private double peak() {
    double best = Double.MAX_VALUE;
    for (int i = 0; i < 300; i++) {
      long start = System.nanoTime();
      products(10_000);
      best = Math.min(best, (System.nanoTime() - start) / 100_000.0);
    }
    return best;
  }

  private void products(int rounds) {
    FloatVector x = FloatVector.fromArray(FLOATS, a, 0);
    FloatVector y = FloatVector.fromArray(FLOATS, b, 0);
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector s4 = s0;
    FloatVector s5 = s0;
    FloatVector s6 = s0;
    FloatVector s7 = s0;
    FloatVector s8 = s0;
    FloatVector s9 = s0;
    for (int i = 0; i < rounds; i++) {
      s0 = x.fma(y, s0);
      s1 = x.fma(y, s1);
      s2 = x.fma(y, s2);
      s3 = x.fma(y, s3);
      s4 = x.fma(y, s4);
      s5 = x.fma(y, s5);
      s6 = x.fma(y, s6);
      s7 = x.fma(y, s7);
      s8 = x.fma(y, s8);
      s9 = x.fma(y, s9);
    }
    s0.add(s1).add(s2).add(s3).add(s4).add(s5).add(s6).add(s7).add(s8).add(s9).intoArray(c, 0);
  }
}
