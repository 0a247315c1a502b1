package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.exec.BoundStage.BoundTable;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.Division;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StageCuts;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Merges;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The walk down the stages and back up. Every field that a pass changes belongs to the calling
 * thread and is read by the workers only between the start and the end of a {@link WorkerPool#run}.
 */
final class StagePasses {
  private static final int MERGE_CHUNK = 16384;

  /** Channels whose sums one thread merges at a time. */
  private static final int CHANNEL_CHUNK = 64;

  private final ExecutionPlan plan;
  private final Division division;
  private final Kernels kernels;
  private final WorkerPool pool;
  private final Scratch scratch;
  private final InputPass input;
  private final List<BoundStage> stages;
  private final MemorySegment moments;
  private final MemorySegment statistics;
  private final BoundLoss losses;
  private final StageRecorder recorder;
  private final @Nullable ParameterUpdate update;
  private final List<Leaves> leaves = new ArrayList<>();
  private final @Nullable SharedBatch shared;

  private final WorkerPool.Task packForwardTask = this::packForward;
  private final WorkerPool.Task forwardTask = this::forwardLeaf;
  private final WorkerPool.Task statisticsTask = this::finishStatistics;
  private final WorkerPool.Task joinTask = this::joinStatistics;
  private final WorkerPool.Task tableTask = this::fillInputTable;
  private final WorkerPool.Task sumTask = this::sumLeaf;
  private final WorkerPool.Task packBackwardTask = this::packBackward;
  private final WorkerPool.Task fusedTask = this::fusedLeaf;
  private final WorkerPool.Task dataTask = this::dataLeaf;
  private final WorkerPool.Task weightTask = this::weightLeaf;
  private final WorkerPool.Task mergeTask = this::mergeWeights;
  private final WorkerPool.Task channelTask = this::mergeChannels;
  private final WorkerPool.Task ownStatisticsTask = this::mergeOwnStatistics;
  private final WorkerPool.Task ownSumsTask = this::mergeOwnSums;
  private final WorkerPool.Task ownWeightsTask = this::mergeOwnWeights;

  // The stage at hand.
  private BoundStage stage;
  private StageCuts cuts;
  private int portions = 1;
  private int portion;
  private int units;
  private ForwardArgs forwardArgs;
  private Leaves own;
  private @Nullable StageExchange exchange;
  private int count;
  private int base;
  private int normCount;
  private int valuesFrom;
  private int valuesTo;
  private boolean training;

  // Stages whose weights' gradients other workers are handed, in the order of the backward pass.
  private final int[] handedOut;
  private int handed;
  private int awaited;

  /** The leaves that this worker runs of a stage's passes. */
  private record Leaves(
      int forward, int forwards, int backward, int backwards, int weight, int weights) {
    static Leaves of(Division division, StageCuts cuts) {
      return new Leaves(
          first(division, cuts.forward()),
          count(division, cuts.forward()),
          first(division, cuts.backward()),
          count(division, cuts.backward()),
          first(division, cuts.weights()),
          count(division, cuts.weights()));
    }

    private static int first(Division division, Cut cut) {
      return division.firstGroup(cut) * cut.parts();
    }

    private static int count(Division division, Cut cut) {
      return (division.endGroup(cut) - division.firstGroup(cut)) * cut.parts();
    }
  }

  StagePasses(
      ExecutionPlan plan,
      Binder binder,
      Kernels kernels,
      WorkerPool pool,
      Scratch scratch,
      SessionOptions options) {
    this.plan = plan;
    this.division = plan.division();
    this.kernels = kernels;
    this.pool = pool;
    this.scratch = scratch;
    this.input = new InputPass(plan, binder, kernels, pool);
    this.stages = binder.bind();
    this.stage = stages.getFirst();
    this.handedOut = new int[stages.size()];
    this.cuts = plan.cuts(0);
    for (int i = 0; i < stages.size(); i++) {
      leaves.add(Leaves.of(plan.division(), plan.cuts(i)));
    }
    this.own = leaves.getFirst();
    this.forwardArgs = stage.infer();
    this.moments = binder.view(plan.buffers().persistent().moments());
    this.statistics = binder.view(plan.buffers().persistent().statistics());
    this.losses =
        new BoundLoss(
            options,
            plan.options().batch(),
            plan.graph().network().classes(),
            binder.view(plan.buffers().tensor(plan.graph().logits())),
            binder.viewOrNull(plan.buffers().lossGradient()),
            binder.view(plan.buffers().persistent().scalars()));
    this.recorder = new StageRecorder(plan);
    this.update =
        plan.options().isTraining()
            ? new ParameterUpdate(plan, binder, kernels, pool, trainable(plan))
            : null;
    Collective collective = options.collective();
    this.shared =
        collective == null || collective.size() == 1
            ? null
            : new SharedBatch(plan, binder, kernels, stages, options);
  }

  private static List<Parameter> trainable(ExecutionPlan plan) {
    return plan.graph().network().parameters().stream().filter(plan::isTrained).toList();
  }

  InputPass input() {
    return input;
  }

  private static int chunks(int channels) {
    return (channels + CHANNEL_CHUNK - 1) / CHANNEL_CHUNK;
  }

  private static int end(int chunk, int channels) {
    return Math.min(channels, (chunk + 1) * CHANNEL_CHUNK);
  }

  private void begin(int index, int pictures, boolean trains) {
    stage = stages.get(index);
    cuts = plan.cuts(index);
    own = leaves.get(index);
    exchange = shared == null ? null : shared.stage(index);
    count = pictures;
    base = division.share().first(pictures);
    // With local batch norm, a worker's own pictures are all that its statistics are of.
    normCount = division.workers().localNorm() ? division.share().size(pictures) : pictures;
    training = trains;
  }

  void forward(int pictures, boolean trains) {
    for (int i = 0; i < stages.size(); i++) {
      begin(i, pictures, trains);
      recorder.beginForward(trains);
      if (stage.node().joins()) {
        if (trains && !stage.outputTables().isEmpty()) {
          pool.run(chunks(stage.node().output().map().channels()), joinTask);
        }
        recorder.endForward(stage.node(), pictures);
        continue;
      }
      forwardArgs = trains ? stage.train() : stage.infer();
      BoundTable table = stage.inputTable();
      if (table != null && (!trains || stage.running())) {
        if (table.runningMean() != null) {
          RunningStatistics.load(table, moments);
        }
        pool.run(chunks(table.channels()), tableTask);
      }
      forwardProducts();
      if (trains && forwardArgs.stage().statistics()) {
        int chunks = chunks(stage.node().output().map().channels());
        if (exchange != null) {
          pool.run(chunks, ownStatisticsTask);
          exchange.exchangeStatistics();
        }
        pool.run(chunks, statisticsTask);
      }
      recorder.endForward(stage.node(), pictures);
    }
  }

  private void forwardProducts() {
    runPortions(forwardArgs.stage(), packForwardTask, own.forwards(), forwardTask);
  }

  /** Packs a portion of the weights and runs its parts of all groups, then the next. */
  private void runPortions(Stage what, WorkerPool.Task pack, int leaves, WorkerPool.Task leaf) {
    portions = kernels.portions(what);
    units = kernels.packUnits(what) / portions;
    for (portion = 0; portion < portions; portion++) {
      pool.run(units, pack);
      pool.run(leaves / portions, leaf);
    }
  }

  /** A pass's leaf, of those of the current portion. */
  private int leaf(int index, Cut cut) {
    int parts = cut.parts() / portions;
    return index / parts * cut.parts() + portion * parts + index % parts;
  }

  private void packForward(int unit, int worker) {
    kernels.packForward(forwardArgs, portion * units + unit, scratch.packed());
  }

  private void forwardLeaf(int index, int worker) {
    Cut cut = cuts.forward();
    int leaf = own.forward() + leaf(index, cut);
    kernels.forward(
        forwardArgs,
        leaf,
        cut.from(leaf, count) - base,
        cut.to(leaf, count) - base,
        cut.part(leaf),
        cut.parts(),
        scratch.packed(),
        scratch.thread(worker));
    progress(worker);
  }

  private void fillInputTable(int chunk, int worker) {
    BoundTable table = stage.inputTable();
    if (table != null) {
      fill(table, chunk, moments);
    }
  }

  private void finishStatistics(int chunk, int worker) {
    FeatureMap map = stage.node().output().map();
    int from = chunk * CHANNEL_CHUNK;
    int to = end(chunk, map.channels());
    Cut cut = cuts.forward();
    if (exchange != null) {
      Merges rest = Objects.requireNonNull(exchange.statistics()).rest();
      kernels.mergeStatistics(statistics, rest, map.channels(), from, to);
      cut = Cut.whole();
    }
    kernels.finishStatistics(statistics, cut, map.channels(), from, to, moments);
    if (stage.moments().slice()) {
      RunningStatistics.place(moments, map.channels(), from, to, stage.moments());
    }
    fillOutputTables(chunk, moments);
  }

  /** A concatenation's statistics are those that its slices have left. */
  private void joinStatistics(int chunk, int worker) {
    fillOutputTables(chunk, stage.moments().segment());
  }

  private void fillOutputTables(int chunk, MemorySegment from) {
    FeatureMap map = stage.node().output().map();
    long values = (long) normCount * map.pixels();
    int first = chunk * CHANNEL_CHUNK;
    for (int i = 0; i < stage.outputTables().size(); i++) {
      BoundTable table = stage.outputTables().get(i);
      fill(table, chunk, from);
      if (values > 0) {
        RunningStatistics.update(table, from, values, first, end(chunk, map.channels()));
      }
    }
  }

  private void mergeOwnStatistics(int chunk, int worker) {
    int channels = stage.node().output().map().channels();
    Merges own = Objects.requireNonNull(Objects.requireNonNull(exchange).statistics()).own();
    int from = chunk * CHANNEL_CHUNK;
    kernels.mergeStatistics(statistics, own, channels, from, end(chunk, channels));
  }

  private void mergeOwnSums(int chunk, int worker) {
    int channels = args().stage().input().channels();
    Merges own = Objects.requireNonNull(Objects.requireNonNull(exchange).sums()).own();
    kernels.mergeSums(args(), own, chunk * CHANNEL_CHUNK, end(chunk, channels));
  }

  private void mergeOwnWeights(int chunk, int worker) {
    Merges own = Objects.requireNonNull(Objects.requireNonNull(exchange).weights()).own();
    int from = chunk * MERGE_CHUNK;
    int to = Math.min(from + MERGE_CHUNK, Partials.weightValues(args().stage()));
    kernels.mergeWeights(args(), own, from, to);
    exchange.keepOwnWeights(args(), from, to);
  }

  private void fill(BoundTable table, int chunk, MemorySegment from) {
    kernels.fillTable(
        training ? table.train() : table.infer(),
        table.channels(),
        chunk * CHANNEL_CHUNK,
        end(chunk, table.channels()),
        from,
        table.gamma(),
        table.beta(),
        table.epsilon(),
        table.table());
    MemorySegment slopes = table.slopes();
    if (slopes != null) {
      int first = chunk * CHANNEL_CHUNK;
      int end = end(chunk, table.channels());
      kernels.fillSlopes(table.channels(), first, end, slopes, table.table());
    }
  }

  void loss(MemorySegment labels, int pictures, boolean trains) {
    if (shared != null) {
      shared.loss().run(labels, pictures, trains);
      return;
    }
    losses.run(kernels, labels, pictures, trains);
  }

  void backward(int pictures) {
    for (int i = stages.size() - 1; i >= 0; i--) {
      backwardStage(i, pictures);
    }
    if (shared != null) {
      mergeRest(pictures);
      shared.exchangeNorms();
    }
  }

  private void runAny(int count, WorkerPool.Task task) {
    if (count > 0) {
      pool.run(count, task);
    }
  }

  private int valueChunks() {
    return (valuesTo - valuesFrom + MERGE_CHUNK - 1) / MERGE_CHUNK;
  }

  /**
   * Computes stages once more: what they read, batch norm's tables and what is drawn are as they
   * were, so are the results; statistics are not merged again.
   */
  private void recompute(int first, int last, int pictures) {
    for (int i = first; i <= last; i++) {
      ForwardArgs again = stages.get(i).again();
      if (again == null) {
        continue; // a concatenation, whose slices are computed
      }
      begin(i, pictures, true);
      recorder.beginForward(true);
      forwardArgs = again;
      forwardProducts();
      recorder.endForward(stage.node(), pictures);
    }
  }

  /** One stage's turn on the way back, all of it; nothing if it is frozen. */
  void backward(int index, int pictures) {
    backwardStage(index, pictures);
    if (shared != null) {
      mergeRest(pictures);
    }
  }

  private void backwardStage(int index, int pictures) {
    int first = plan.recomputedBefore(index);
    if (first >= 0) {
      recompute(first, index, pictures);
    }
    begin(index, pictures, true);
    BackwardArgs args = stage.backward();
    if (args == null) {
      return; // frozen
    }
    recorder.beginBackward();
    products(args);
    boolean merges = stage.weightGradient() != null && !cuts.writesWeights();
    boolean sums = stage.gammaGradient() != null || stage.slopeGradient() != null;
    int channelChunks = sums ? chunks(args.stage().input().channels()) : 0;
    valuesFrom = 0;
    valuesTo = merges ? Partials.weightValues(args.stage()) : 0;
    StageExchange shares = exchange;
    if (shares == null) {
      runAny(valueChunks(), mergeTask);
    } else {
      runAny(channelChunks, ownSumsTask);
      shares.beginSums();
      if (merges) {
        handOutWeights(index, pictures);
      }
      shares.awaitSums();
    }
    runAny(channelChunks, channelTask);
    recorder.endBackward(stage.node(), pictures);
  }

  /** Begins to hand out the weights' gradient of the stage at hand, once there is room for it. */
  private void handOutWeights(int index, int pictures) {
    if (handed - awaited >= Objects.requireNonNull(shared).depth()) {
      mergeOldest(pictures);
      begin(index, pictures, true);
    }
    valuesFrom = 0;
    valuesTo = Partials.weightValues(args().stage());
    runAny(valueChunks(), ownWeightsTask);
    Objects.requireNonNull(exchange).beginWeights();
    handedOut[handed++] = index;
  }

  /** Merges the weights' gradient of the stage that has waited longest for the others'. */
  private void mergeOldest(int pictures) {
    begin(handedOut[awaited++], pictures, true);
    StageExchange shares = Objects.requireNonNull(exchange);
    shares.awaitWeights();
    valuesFrom = shares.firstValue();
    valuesTo = shares.endValue();
    runAny(valueChunks(), mergeTask);
    shares.beginSlices();
  }

  /** Waits for all that is under way. */
  private void mergeRest(int pictures) {
    while (awaited < handed) {
      mergeOldest(pictures);
    }
    for (int i = 0; i < handed; i++) {
      Objects.requireNonNull(shared).stage(handedOut[i]).awaitSlices();
    }
    handed = 0;
    awaited = 0;
  }

  /**
   * Copies the gradient of a stage's output, just before the stage's turn, to where the caller
   * wants it; false if the stage is frozen. Allocates: no part of a step.
   */
  boolean copyOutputGradient(int index, int pictures, MemorySegment target) {
    begin(index, pictures, true);
    BackwardArgs args = stage.backward();
    if (args == null) {
      return false;
    }
    BackwardArgs copying = copyingTo(target, args);
    Cut cut = cuts.forward();
    pool.run(
        cut.leaves(),
        (leaf, worker) ->
            kernels.sumGradient(
                copying,
                cut.from(leaf, pictures),
                cut.to(leaf, pictures),
                cut.part(leaf),
                cut.parts(),
                scratch.thread(worker)));
    return true;
  }

  private static BackwardArgs copyingTo(MemorySegment target, BackwardArgs args) {
    return new BackwardArgs(
        args.stage(),
        args.batch(),
        args.outputTerms(),
        target,
        args.x(),
        args.table(),
        args.store(),
        args.weights(),
        args.argmax(),
        args.activationTerms(),
        args.dx(),
        args.gradients(),
        args.sums(),
        args.factor(),
        args.factorGradient(),
        args.draws());
  }

  private void products(BackwardArgs args) {
    Stage what = args.stage();
    if (stage.node().joins()) {
      pool.run(own.forwards(), sumTask);
      return;
    }
    if (cuts.fused()) {
      runPortions(what, packBackwardTask, own.backwards(), fusedTask);
      return;
    }
    if (args.gradientOut() != null) {
      pool.run(own.forwards(), sumTask);
    }
    if (args.dx() != null || what.activation().hasParameters()) {
      runPortions(what, packBackwardTask, own.backwards(), dataTask);
    }
    if (what.needsInputValues()) {
      pool.run(own.weights(), weightTask);
    }
  }

  /** What is under way is moved by the thread that begins and awaits it. */
  private void progress(int worker) {
    if (worker == 0 && awaited < handed && shared != null) {
      shared.progress();
    }
  }

  private BackwardArgs args() {
    return Objects.requireNonNull(stage.backward());
  }

  private void sumLeaf(int index, int worker) {
    Cut cut = cuts.forward();
    int leaf = own.forward() + index;
    kernels.sumGradient(
        args(),
        cut.from(leaf, count) - base,
        cut.to(leaf, count) - base,
        cut.part(leaf),
        cut.parts(),
        scratch.thread(worker));
    progress(worker);
  }

  private void packBackward(int unit, int worker) {
    kernels.packBackward(args(), portion * units + unit, scratch.packed());
  }

  private void fusedLeaf(int index, int worker) {
    Cut cut = cuts.backward();
    int leaf = own.backward() + leaf(index, cut);
    kernels.backward(
        args(),
        leaf,
        cut.from(leaf, count) - base,
        cut.to(leaf, count) - base,
        scratch.packed(),
        scratch.thread(worker));
    progress(worker);
  }

  private void dataLeaf(int index, int worker) {
    Cut cut = cuts.backward();
    int leaf = own.backward() + leaf(index, cut);
    kernels.backwardData(
        args(),
        leaf,
        cut.from(leaf, count) - base,
        cut.to(leaf, count) - base,
        cut.part(leaf),
        cut.parts(),
        scratch.packed(),
        scratch.thread(worker));
    progress(worker);
  }

  private void weightLeaf(int index, int worker) {
    Cut cut = cuts.weights();
    int leaf = own.weight() + index;
    kernels.backwardWeights(
        args(),
        cut.group(leaf),
        cut.from(leaf, count) - base,
        cut.to(leaf, count) - base,
        cut.part(leaf),
        cut.parts(),
        scratch.thread(worker));
    progress(worker);
  }

  private void mergeWeights(int chunk, int worker) {
    MemorySegment target = Objects.requireNonNull(stage.weightGradient());
    int from = valuesFrom + chunk * MERGE_CHUNK;
    int to = Math.min(from + MERGE_CHUNK, valuesTo);
    if (exchange == null) {
      kernels.finishWeights(args(), cuts.weights(), from, to, target);
      return;
    }
    kernels.mergeWeights(exchange.window(), exchange.windowRest(), from, to);
    kernels.finishWeights(exchange.window(), Cut.whole(), from, to, target);
  }

  private void mergeChannels(int chunk, int worker) {
    BackwardArgs args = args();
    int channels = args.stage().input().channels();
    int from = chunk * CHANNEL_CHUNK;
    int to = end(chunk, channels);
    Cut cut = cuts.backward();
    if (exchange != null) {
      kernels.mergeSums(args, Objects.requireNonNull(exchange.sums()).rest(), from, to);
      cut = Cut.whole();
    }
    MemorySegment scale = stage.gammaGradient();
    MemorySegment shift = stage.betaGradient();
    MemorySegment slope = stage.slopeGradient();
    if (scale != null && shift != null) {
      kernels.finishChannels(args, cut, normCount, from, to, scale, shift);
    }
    if (slope != null) {
      kernels.finishSlopes(args, cut, from, to, slope);
    }
    MemorySegment table = args.table();
    if (stage.running() && table != null) {
      // Running statistics do not depend on the batch: no gradient comes back through them.
      clear(table, ChannelTable.offset(ChannelTable.DX_CODE, channels), from, to);
      clear(table, ChannelTable.offset(ChannelTable.DX_OFFSET, channels), from, to);
      clear(table, ChannelTable.offset(ChannelTable.LOW_DX_CODE, channels), from, to);
      clear(table, ChannelTable.offset(ChannelTable.LOW_DX_OFFSET, channels), from, to);
    }
  }

  private static void clear(MemorySegment table, long row, int from, int to) {
    for (int c = from; c < to; c++) {
      table.set(JAVA_FLOAT, row + 4L * c, 0);
    }
  }

  /** What is exchanged with other workers; null where there are none. */
  @Nullable SharedBatch shared() {
    return shared;
  }

  /** What makes steps of the gradients; null in a session for inference. */
  @Nullable ParameterUpdate update() {
    return update;
  }
}
