package dev.nibble.engine.plan;

import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Merges;
import dev.nibble.kernels.Partials;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the roots of the weights' gradients lie that workers hand to each other while they compute
 * the next stages' gradients: every stage's in a place of its own where all take little, else those
 * of two stages at a time, at the window's two ends in turn.
 */
public final class GradientWindow {
  /** What all stages together may take; the partial gradients of one may as much. */
  private static final long ALL_BYTES = 16L << 20;

  /** With slices, which go round once more when they are merged, soon after. */
  private static final int DEPTH_WITH_SLICES = 4;

  private final long[] offsets;
  private final long bytes;
  private final int depth;

  private GradientWindow(long[] offsets, long bytes, int depth) {
    this.offsets = offsets;
    this.bytes = bytes;
    this.depth = depth;
  }

  static GradientWindow of(ExecutionPlan plan) {
    long[] sizes = new long[plan.graph().stages().size()];
    for (Node node : plan.graph().stages()) {
      boolean exchanged = node.weight() != null && !plan.frozen().node(node);
      sizes[node.index()] = exchanged ? bytes(plan, node.index()) : 0;
    }
    return of(sizes, ALL_BYTES, plan.division().workers().count() > 2);
  }

  private static long bytes(ExecutionPlan plan, int index) {
    Cut cut = new Cut(plan.cuts(index).weights().groups(), 1);
    long regions = 0;
    for (int[] roots : roots(plan.division(), cut)) {
      regions += roots.length;
    }
    return regions * Partials.weightBytes(plan.stage(index));
  }

  /**
   * Lays out the stages' roots.
   *
   * @param sizes bytes by stage, 0 for one that hands out nothing
   * @param all the most bytes with which every stage has a place of its own
   * @param slices whether the stages' gradients are merged in slices
   */
  static GradientWindow of(long[] sizes, long all, boolean slices) {
    long sum = 0;
    long pair = 0;
    long last = 0;
    int count = 0;
    for (int i = sizes.length - 1; i >= 0; i--) {
      if (sizes[i] > 0) {
        sum += sizes[i];
        pair = Math.max(pair, last + sizes[i]);
        last = sizes[i];
        count++;
      }
    }
    long[] offsets = new long[sizes.length];
    boolean own = sum <= all;
    long bytes = own ? sum : pair;
    long at = 0;
    boolean low = true;
    for (int i = sizes.length - 1; i >= 0; i--) {
      if (sizes[i] > 0) {
        offsets[i] = own ? at : low ? 0 : bytes - sizes[i];
        at += sizes[i];
        low = !low;
      }
    }
    int depth = own ? slices ? DEPTH_WITH_SLICES : Math.max(1, count) : 2;
    return new GradientWindow(offsets, bytes, depth);
  }

  /** By worker, the regions of partial sums that it hands to the others. */
  public static List<int[]> roots(Division division, Cut cut) {
    int[] bounds = division.bounds(cut);
    List<int[]> roots = new ArrayList<>();
    for (int rank = 0; rank + 1 < bounds.length; rank++) {
      roots.add(Merges.roots(cut, bounds[rank], bounds[rank + 1]));
    }
    return roots;
  }

  /** Byte offset of a stage's roots. */
  public long offset(int stage) {
    return offsets[stage];
  }

  /** Bytes in all. */
  public long bytes() {
    return bytes;
  }

  /** Stages whose gradients may be under way at a time. */
  public int depth() {
    return depth;
  }
}
