package dev.nibble.engine.exec;

import static java.util.Objects.requireNonNull;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Piece;
import dev.nibble.engine.plan.Division;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.GradientWindow;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.engine.plan.StageCuts;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Merges;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What workers that share a batch hand to each other at one stage: the roots of the subtrees of
 * partial sums that each has merged. Every worker then merges the top of the tree itself, in the
 * same order, so that all have the same sums; large weights are merged in slices, one a worker, and
 * the slices are handed round. Sums of channels are waited for, since the next stage needs them;
 * the weights' gradient travels while it is computed.
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
      int[][] roots = GradientWindow.roots(division, cut).toArray(int[][]::new);
      return new Tree(Merges.within(cut, first, end), Merges.beyond(cut, bounds), roots);
    }

    /** All workers' roots, rising. */
    int[] allRoots() {
      return Arrays.stream(roots).flatMapToInt(Arrays::stream).toArray();
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
  private final long weightBytes;
  private final @Nullable BackwardArgs window;
  private final @Nullable Merges windowRest;
  private int firstOwnRoot;
  private final MemorySegment partials;
  private final long partialBytes;
  private final long partialFrom;
  private final @Nullable MemorySegment channelSums;
  private final long sumBytes;
  private final long sumFrom;
  private @Nullable Exchange statisticsExchange;
  private @Nullable Exchange sumsExchange;
  private @Nullable Exchange gradientExchange;
  private @Nullable Exchange sliceExchange;

  StageExchange(ExecutionPlan plan, int index, BoundStage stage, Binder binder) {
    Division division = plan.division();
    StageCuts cuts = plan.cuts(index);
    this.global = !division.workers().localNorm();
    this.workers = division.workers().count();
    this.rank = division.workers().rank();
    Stage trained = plan.stage(index);
    BackwardArgs args = stage.backward();
    this.statistics = trained.statistics() ? Tree.of(division, cuts.forward(), global) : null;
    boolean summed = stage.gammaGradient() != null || stage.slopeGradient() != null;
    this.sums = summed ? Tree.of(division, cuts.backward(), global) : null;
    boolean merged = args != null && stage.weightGradient() != null;
    this.weights = merged ? Tree.of(division, new Cut(cuts.weights().groups(), 1), true) : null;
    this.values = merged ? Partials.weightValues(trained) : 0;
    this.sliced = workers > 2 && 4L * values > WHOLE_BYTES;
    this.weightBytes = merged ? Partials.weightBytes(trained) : 0;
    this.partials = binder.view(plan.buffers().persistent().statistics());
    this.partialBytes = Partials.statisticsBytes(trained.output().channels());
    this.partialFrom = partialBytes * division.firstGroup(cuts.forward()) * cuts.forward().parts();
    this.channelSums = args == null ? null : args.sums();
    this.sumBytes = Partials.sumBytes(trained);
    this.sumFrom = sumBytes * division.firstGroup(cuts.backward()) * cuts.backward().parts();
    PersistentBuffers.Shared shared = plan.buffers().persistent().shared();
    MemorySegment all = shared == null ? null : binder.viewOrNull(shared.window());
    if (args == null || weights == null || shared == null || all == null) {
      this.window = null;
      this.windowRest = null;
      return;
    }
    int[] roots = weights.allRoots();
    for (int worker = 0; worker < rank; worker++) {
      firstOwnRoot += weights.roots()[worker].length;
    }
    long from = shared.layout().offset(index);
    this.window = args.withGradients(all.asSlice(from, roots.length * weightBytes));
    this.windowRest = weights.rest().packed(roots);
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
    if (sums != null && global && channelSums != null) {
      List<Piece> pieces = new ArrayList<>();
      int rows = Partials.sumRows(args.stage());
      long size = 8L * rows * args.stage().input().channels();
      addRoots(pieces, sums, channelSums, sumBytes, size);
      sumsExchange = collective.prepare("the sums of " + name, pieces);
    }
    MemorySegment target = stage.weightGradient();
    if (window == null || target == null) {
      return;
    }
    List<Piece> pieces = new ArrayList<>();
    List<Piece> slices = new ArrayList<>();
    for (int reader = 0; reader < workers; reader++) {
      int first = sliced ? sliceFrom(reader) : 0;
      int end = sliced ? sliceFrom(reader + 1) : values;
      addWindow(pieces, reader, 4L * first, 4L * (end - first));
      slices.addAll(Piece.toAll(reader, workers, target.asSlice(4L * first, 4L * (end - first))));
    }
    gradientExchange = collective.prepareBulk("the gradient of " + name, pieces);
    if (sliced) {
      sliceExchange = collective.prepareBulk("the merged gradient of " + name, slices);
    }
  }

  /** Bytes {@code [from, from + size)} of every root, from their owners to one reader. */
  private void addWindow(List<Piece> pieces, int reader, long from, long size) {
    MemorySegment memory = requireNonNull(requireNonNull(window).gradients());
    int region = 0;
    for (int owner = 0; owner < workers; owner++) {
      for (int i = 0; i < requireNonNull(weights).roots()[owner].length; i++) {
        if (owner != reader && (owner == rank || reader == rank)) {
          pieces.add(new Piece(owner, reader, memory.asSlice(region * weightBytes + from, size)));
        }
        region++;
      }
    }
  }

  private void addRoots(
      List<Piece> pieces, Tree tree, MemorySegment memory, long bytes, long size) {
    for (int reader = 0; reader < workers; reader++) {
      for (int owner = 0; owner < workers; owner++) {
        if (owner == reader || (owner != rank && reader != rank)) {
          continue;
        }
        for (int root : tree.roots()[owner]) {
          pieces.add(new Piece(owner, reader, memory.asSlice(root * bytes, size)));
        }
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

  /** Begins to hand round the channels' sums, which the next stage needs. */
  void beginSums() {
    if (!global && sums != null && channelSums != null && sumFrom > 0) {
      MemorySegment.copy(channelSums, sumFrom, channelSums, 0, sumBytes);
    }
    if (sumsExchange != null) {
      sumsExchange.begin();
    }
  }

  /** After this and the rest of their tree, region 0 holds the sums. */
  void awaitSums() {
    await(sumsExchange);
  }

  /** Puts values {@code [from, to)} of what this worker has merged where they are handed out. */
  void keepOwnWeights(BackwardArgs args, int from, int to) {
    MemorySegment memory = requireNonNull(args.gradients());
    MemorySegment kept = requireNonNull(requireNonNull(window).gradients());
    int[] roots = requireNonNull(weights).roots()[rank];
    for (int i = 0; i < roots.length; i++) {
      long place = (firstOwnRoot + i) * weightBytes;
      long bytes = 4L * (to - from);
      MemorySegment.copy(
          memory, roots[i] * weightBytes + 4L * from, kept, place + 4L * from, bytes);
    }
  }

  /** Begins to hand round the weights' gradient, while the next stages are computed. */
  void beginWeights() {
    if (gradientExchange != null) {
      gradientExchange.begin();
    }
  }

  /** After this and {@link #windowRest}, region 0 of {@link #window} holds the gradient. */
  void awaitWeights() {
    await(gradientExchange);
  }

  /** What holds all workers' roots of the weights' gradient, side by side. */
  BackwardArgs window() {
    return requireNonNull(window);
  }

  /** The pairs that are added of those roots. */
  Merges windowRest() {
    return requireNonNull(windowRest);
  }

  /** Begins to hand round what this worker has merged of the weights' gradient. */
  void beginSlices() {
    if (sliceExchange != null) {
      sliceExchange.begin();
    }
  }

  /** After this the weights' gradient is whole. */
  void awaitSlices() {
    await(sliceExchange);
  }

  private static void await(@Nullable Exchange exchange) {
    if (exchange != null) {
      exchange.await();
    }
  }

  private static void run(@Nullable Exchange exchange) {
    if (exchange != null) {
      exchange.run();
    }
  }
}
