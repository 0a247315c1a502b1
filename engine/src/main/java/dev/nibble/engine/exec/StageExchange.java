package dev.nibble.engine.exec;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Piece;
import dev.nibble.engine.plan.Division;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StageCuts;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Merges;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What workers that share a batch hand to each other at one stage: the roots of the subtrees of
 * partial sums that each has merged. Every worker then merges the top of the tree itself, in the
 * same order, so that all have the same sums; large weights are merged in slices, one a worker, and
 * the slices are handed round.
 */
final class StageExchange {
  /** Weights that every worker merges whole, since a second round would cost more. */
  private static final long WHOLE_BYTES = 64 << 10;

  /** Values that slices begin at a multiple of: whole lines of 64 bytes. */
  private static final int SLICE = 16;

  /**
   * One tree: what a worker adds before the exchange, and after it.
   *
   * @param own pairs before
   * @param rest pairs after, which leave all in region 0
   * @param roots by worker, the regions that are exchanged
   */
  @SuppressWarnings("ArrayRecordComponent") // made once, never compared
  record Tree(Merges own, Merges rest, int[][] roots) {
    static Tree of(Division division, Cut cut, boolean global) {
      int[] bounds = division.bounds(cut);
      int first = division.firstGroup(cut);
      int end = division.endGroup(cut);
      if (!global) {
        return new Tree(Merges.all(cut, first, end), Merges.none(cut), new int[][] {});
      }
      int[][] roots = new int[bounds.length - 1][];
      for (int rank = 0; rank < roots.length; rank++) {
        roots[rank] = Merges.roots(cut, bounds[rank], bounds[rank + 1]);
      }
      return new Tree(Merges.within(cut, first, end), Merges.beyond(cut, bounds), roots);
    }
  }

  private final int workers;
  private final int rank;
  private final boolean global;
  private final @Nullable Tree statistics;
  private final @Nullable Tree sums;
  private final @Nullable Tree weights;
  private final boolean sliced;
  private final int values;
  private final MemorySegment partials;
  private final long partialBytes;
  private final long partialFrom;
  private final @Nullable MemorySegment channelSums;
  private final long sumBytes;
  private final long sumFrom;
  private @Nullable Exchange statisticsExchange;
  private @Nullable Exchange gradientExchange;
  private @Nullable Exchange sliceExchange;

  StageExchange(ExecutionPlan plan, int index, BoundStage stage, MemorySegment partials) {
    Division division = plan.division();
    StageCuts cuts = plan.cuts(index);
    this.global = !division.workers().localNorm();
    this.workers = division.workers().count();
    this.rank = division.workers().rank();
    Stage trained = plan.stage(index);
    BackwardArgs args = stage.backward();
    this.statistics = trained.statistics() ? Tree.of(division, cuts.forward(), global) : null;
    boolean summed = stage.scale() != null || stage.slope() != null;
    this.sums = summed ? Tree.of(division, cuts.backward(), global) : null;
    boolean merged = args != null && stage.weightGradient() != null;
    this.weights = merged ? Tree.of(division, new Cut(cuts.weights().groups(), 1), true) : null;
    this.values = merged ? Partials.weightValues(trained) : 0;
    this.sliced = workers > 2 && 4L * values > WHOLE_BYTES;
    this.partials = partials;
    this.partialBytes = Partials.statisticsBytes(trained.output().channels());
    this.partialFrom = partialBytes * division.firstGroup(cuts.forward()) * cuts.forward().parts();
    this.channelSums = args == null ? null : args.sums();
    this.sumBytes = Partials.sumBytes(trained);
    this.sumFrom = sumBytes * division.firstGroup(cuts.backward()) * cuts.backward().parts();
  }

  /** Prepares what a training step exchanges at the stage, in the same order on every worker. */
  void prepare(Collective collective, BoundStage stage) {
    String name = stage.node().name();
    if (statistics != null && global) {
      List<Piece> pieces = new ArrayList<>();
      addRoots(pieces, statistics, partials, partialBytes, partialBytes);
      statisticsExchange = collective.prepare("the statistics of " + name, pieces);
    }
    BackwardArgs args = stage.backward();
    if (args == null) {
      return;
    }
    List<Piece> pieces = new ArrayList<>();
    if (sums != null && global && channelSums != null) {
      int rows = Partials.sumRows(args.stage());
      long size = 8L * rows * args.stage().input().channels();
      addRoots(pieces, sums, channelSums, sumBytes, size);
    }
    MemorySegment gradients = args.gradients();
    MemorySegment target = stage.weightGradient();
    if (weights != null && gradients != null && target != null) {
      long bytes = Partials.weightBytes(args.stage());
      if (!sliced) {
        addRoots(pieces, weights, gradients, bytes, 4L * values);
      } else {
        List<Piece> slices = new ArrayList<>();
        for (int reader = 0; reader < workers; reader++) {
          long from = 4L * sliceFrom(reader);
          long size = 4L * sliceFrom(reader + 1) - from;
          addRootsFor(pieces, reader, weights, gradients, bytes, from, size);
          slices.addAll(Piece.toAll(reader, workers, target.asSlice(from, size)));
        }
        sliceExchange = collective.prepare("the gradient of " + name, slices);
      }
    }
    if (!pieces.isEmpty()) {
      gradientExchange = collective.prepare("the gradients of " + name, pieces);
    }
  }

  private void addRoots(
      List<Piece> pieces, Tree tree, MemorySegment memory, long bytes, long size) {
    for (int reader = 0; reader < workers; reader++) {
      addRootsFor(pieces, reader, tree, memory, bytes, 0, size);
    }
  }

  /** Bytes {@code [from, from + size)} of every root, from their owners to one reader. */
  private void addRootsFor(
      List<Piece> pieces,
      int reader,
      Tree tree,
      MemorySegment memory,
      long bytes,
      long from,
      long size) {
    for (int owner = 0; owner < workers; owner++) {
      if (owner == reader || (owner != rank && reader != rank)) {
        continue;
      }
      for (int root : tree.roots()[owner]) {
        pieces.add(new Piece(owner, reader, memory.asSlice(root * bytes + from, size)));
      }
    }
  }

  private int sliceFrom(int worker) {
    int lines = (values + SLICE - 1) / SLICE;
    return (int) Math.min(values, (long) lines * worker / workers * SLICE);
  }

  /** The tree of the output's statistics, or null where none are needed. */
  @Nullable Tree statistics() {
    return statistics;
  }

  /** The tree of the channels' sums, or null where none are needed. */
  @Nullable Tree sums() {
    return sums;
  }

  /** The tree of the weights' gradient, or null for a stage without. */
  @Nullable Tree weights() {
    return weights;
  }

  /** The first of the weights that this worker merges. */
  int firstValue() {
    return sliced ? sliceFrom(rank) : 0;
  }

  /** The end of the weights that this worker merges. */
  int endValue() {
    return sliced ? sliceFrom(rank + 1) : values;
  }

  /** After this and the rest of the tree, region 0 holds what the statistics are made of. */
  void exchangeStatistics() {
    if (!global && partialFrom > 0) {
      MemorySegment.copy(partials, partialFrom, partials, 0, partialBytes);
    }
    run(statisticsExchange);
  }

  /** After this and the rest of the trees, regions 0 hold the sums. */
  void exchangeGradients() {
    if (!global && sums != null && channelSums != null && sumFrom > 0) {
      MemorySegment.copy(channelSums, sumFrom, channelSums, 0, sumBytes);
    }
    run(gradientExchange);
  }

  /** Hands round what each worker has merged of the weights' gradient. */
  void exchangeSlices() {
    run(sliceExchange);
  }

  private static void run(@Nullable Exchange exchange) {
    if (exchange != null) {
      exchange.run();
    }
  }
}
