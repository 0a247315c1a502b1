package dev.nibble.engine.plan;

import dev.nibble.engine.events.PlanEvent;
import dev.nibble.engine.events.Recording;
import dev.nibble.engine.network.LayerNames;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.plan.MemoryPlan;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * Everything that a session needs in memory, before any of it exists: every buffer with its first
 * and last use, laid into one slab.
 *
 * <p>Time runs from 0 (the batch is read) over 1..S (the stages, forward) and S+1 (the loss) to
 * S+2..2S+1 (the stages, backward) and 2S+2 (the optimiser); where stages are computed twice, each
 * run of them takes its moments before its backward pass.
 */
public final class ExecutionPlan {
  private final StageGraph graph;
  private final PlanOptions options;
  private final FrozenLayers frozen;
  private final List<Stage> stages;
  private final Recomputation recomputation;
  private final int[] backwardTimes;
  private final int[] againTimes;
  private final int end;
  private final BufferPlanner buffers;
  private final MemoryPlan memory;
  private final List<StageCuts> cuts;
  private final Division division;

  private ExecutionPlan(StageGraph graph, PlanOptions options) {
    this.graph = graph;
    this.options = options;
    this.frozen = FrozenLayers.of(graph, options.frozen(), options.frozenNorms());
    checkScales(graph.network(), options.update());
    if (!options.formats().isEmpty()) {
      checkFormats();
    }
    this.recomputation = Recomputation.of(graph, options);
    this.backwardTimes = new int[graph.stages().size()];
    this.againTimes = new int[graph.stages().size()];
    this.end = layTimes();
    this.stages = graph.stages().stream().map(node -> stage(node, options.isTraining())).toList();
    int shards = options.workers().shards();
    this.cuts = stages.stream().map(s -> StageCuts.of(s, options.batch(), shards)).toList();
    this.division = Division.of(graph, cuts, options);
    this.buffers = new BufferPlanner(this);
    this.memory = MemoryPlan.of(buffers.all().stream().map(Buffer::request).toList());
  }

  private static void checkScales(Network network, UpdateRule rule) {
    for (String name : rule.rateScales().keySet()) {
      if (LayerNames.select(network, name).isEmpty()) {
        throw new IllegalArgumentException(
            "%s has no layer '%s' whose learning rate could be scaled: its first layers are %s."
                .formatted(network.name(), name, LayerNames.examples(network)));
      }
    }
  }

  /** Plans a network. */
  public static ExecutionPlan of(Network network, PlanOptions options) {
    if (!Recording.isPossible()) {
      return of(Lowering.lower(network), options);
    }
    PlanEvent event = new PlanEvent();
    event.begin();
    ExecutionPlan plan = of(Lowering.lower(network), options);
    event.end();
    plan.commit(event);
    return plan;
  }

  /** Plans a network that is already cut into stages, as one way of many: no event tells of it. */
  public static ExecutionPlan of(StageGraph graph, PlanOptions options) {
    return new ExecutionPlan(graph, options);
  }

  /** Commits an event, which has ended, with what the plan is. */
  public void commit(PlanEvent event) {
    if (event.shouldCommit()) {
      event.subject(
          graph.network().name(),
          options.batch(),
          options.isTraining(),
          options.store().toString());
      event.sizes(all().size(), memory().totalBytes(), bytes(Kind.STORE));
      event.commit();
    }
  }

  /** The stages' graph. */
  public StageGraph graph() {
    return graph;
  }

  /** What the plan was made for. */
  public PlanOptions options() {
    return options;
  }

  /** The layers that are not trained. */
  public FrozenLayers frozen() {
    return frozen;
  }

  /** Whether the optimiser changes the parameter. */
  public boolean isTrained(Parameter parameter) {
    return parameter.kind().trainable() && !frozen.parameter(parameter);
  }

  /**
   * Where gradients begin among the weights, in values: what lies before has none, and nothing of
   * the optimiser's. A frozen layer whose stage adds a trained shortcut has one that nobody reads.
   */
  public int firstTrained() {
    int first =
        graph.network().parameters().stream()
            .filter(this::isTrained)
            .mapToInt(Parameter::offset)
            .min()
            .orElse(0);
    for (Node node : graph.stages()) {
      if (node.weight() != null && !frozen.node(node)) {
        first = Math.min(first, node.weight().offset());
      }
    }
    return first;
  }

  /** Pictures that the buffers hold: the batch, or the largest share of it. */
  public int localBatch() {
    return division.most(options.batch());
  }

  /** Who computes which pictures. */
  public Division division() {
    return division;
  }

  /** Groups of pictures that a full buffer is cut into, at most. */
  public int groups() {
    return Math.min(localBatch(), Cut.LEAVES);
  }

  /** How a stage's passes are cut. */
  public StageCuts cuts(int index) {
    return cuts.get(index);
  }

  /** What a session of that many threads runs, of which no more compute than there are groups. */
  public Workload workload(int threads) {
    return new Workload(stages, localBatch(), groups(), Math.min(threads, groups()));
  }

  /** Every buffer, in the order of the memory plan's placements. */
  public List<Buffer> all() {
    return buffers.all();
  }

  /** The buffers by what they hold. */
  public BufferPlanner buffers() {
    return buffers;
  }

  /** Where every buffer lies. */
  public MemoryPlan memory() {
    return memory;
  }

  /** The stage in the kernels' terms, as trained (or, in a plan for inference, as evaluated). */
  public Stage stage(int index) {
    return stages.get(index);
  }

  /** The stage as evaluated: running statistics, nothing stored, no sums. */
  public Stage inferenceStage(int index) {
    return stage(graph.stages().get(index), false);
  }

  /** How a view is read and stored. */
  public Activation activation(View view) {
    return activation(view, options.isTraining());
  }

  /** Bytes of all buffers of a kind, each counted once. */
  public long bytes(Kind kind) {
    return all().stream().filter(b -> b.kind() == kind).mapToLong(Buffer::bytes).sum();
  }

  /** The most bytes of a kind that are in use at one time: what is computed twice shares memory. */
  public long mostBytes(Kind kind) {
    List<Buffer> buffers = all().stream().filter(b -> b.kind() == kind).toList();
    return buffers.stream()
        .mapToLong(
            at -> buffers.stream().filter(b -> b.livesAtBeginOf(at)).mapToLong(Buffer::bytes).sum())
        .max()
        .orElse(0);
  }

  /** Gives every pass behind the loss its moment; returns the one behind all. */
  private int layTimes() {
    int time = lossTime() + 1;
    for (int i = backwardTimes.length - 1; i >= 0; i--) {
      Recomputation.Run run = recomputation.endingWith(i);
      if (run != null) {
        for (int stage = run.first(); stage < run.end(); stage++) {
          againTimes[stage] = time++;
        }
      }
      backwardTimes[i] = time++;
    }
    return time;
  }

  int endTime() {
    return end;
  }

  int lossTime() {
    return graph.stages().size() + 1;
  }

  int forwardTime(int stage) {
    return stage + 1;
  }

  /** When a stage is computed for the second time. */
  int againTime(int stage) {
    return againTimes[stage];
  }

  int backwardTime(int stage) {
    return backwardTimes[stage];
  }

  /** What is computed twice. */
  Recomputation recomputation() {
    return recomputation;
  }

  /** Whether a stage is computed twice: before its run's backward pass once more. */
  public boolean isRecomputed(int stage) {
    return recomputation.has(stage);
  }

  /**
   * The first stage of the run that is computed once more before the stage's turn; -1 if none is.
   */
  public int recomputedBefore(int stage) {
    Recomputation.Run run = recomputation.endingWith(stage);
    return run == null ? -1 : run.first();
  }

  /** Whether sums of a tensor, or of the one whose slice it is, are needed. */
  boolean needsStatistics(Tensor tensor) {
    Tensor whole = tensor.whole() == null ? tensor : tensor.whole();
    return options.isTraining()
        && graph.views().stream().anyMatch(v -> v.tensor() == whole && isFilledFromBatch(v));
  }

  /** Whether a training step fills the view's channel table from the batch's statistics. */
  public boolean isFilledFromBatch(View view) {
    return activation(view, true).needsTable() && !frozen.usesRunningStatistics(view);
  }

  static long tableBytes(View view) {
    return ChannelTable.bytes(view.map().channels());
  }

  private Activation activation(View view, boolean training) {
    StoreFormat store = StoreFormat.NONE;
    if (training && view.stored() && frozen.isReadByTrained(view)) {
      boolean isExact = view.exact() || view.isOfOnePixel();
      StoreFormat copy = isExact ? StoreFormat.FP32 : format(view).keeping(view.function());
      store = view.kept() ? StoreFormat.KEPT : copy;
    }
    boolean naive = options.naive() && store.isCodes();
    return new Activation(view.norm() != null, view.function(), store, naive);
  }

  /** The name that a view's own format goes by: that of the stage that keeps it. */
  public String keeper(View view) {
    return graph.stages().get(frozen.owner(view)).name();
  }

  private StoreFormat format(View view) {
    return options.formats().isEmpty()
        ? options.store()
        : options.formats().getOrDefault(keeper(view), options.store());
  }

  /** The activations of which codes are kept, in the order of the forward pass. */
  public List<View> coded() {
    return graph.views().stream().filter(view -> activation(view).store().isCodes()).toList();
  }

  private void checkFormats() {
    Set<String> known = new HashSet<>();
    coded().forEach(view -> known.add(keeper(view)));
    for (String name : options.formats().keySet()) {
      if (!known.contains(name)) {
        throw new IllegalArgumentException(
            "%s keeps no codes for '%s', whose format is given: its layers that do are %s, ..."
                .formatted(
                    graph.network().name(), name, known.stream().sorted().limit(3).toList()));
      }
    }
  }

  private Stage stage(Node node, boolean training) {
    if (node.joins()) {
      return new Stage(node.operator(), Activation.IDENTITY, null, false);
    }
    Stage.Residual residual = null;
    View shortcut = node.shortcut();
    Operator.Resample transform = node.transform();
    if (shortcut != null && transform != null) {
      residual = new Stage.Residual(shortcutActivation(shortcut), transform);
    }
    boolean statistics = training && !node.joins() && needsStatistics(node.output());
    boolean stores = training && !frozen.node(node);
    // What is dropped at random in training passes as it is in evaluation.
    Operator operator =
        node.operator() instanceof Operator.Dropout d && !stores
            ? Operator.Resample.identity(d.input())
            : node.operator();
    return new Stage(
        operator, activation(node.input(), stores), residual, statistics, node.output().layout());
  }

  /** A shortcut carries the exact activation in every mode, the naive one included. */
  private static Activation shortcutActivation(View view) {
    return new Activation(view.norm() != null, view.function(), StoreFormat.NONE, false);
  }

  /**
   * The largest batch whose plan stays within a limit; 0 if none.
   *
   * @param extra bytes beside a plan's own
   */
  public static int largestBatch(
      Network network, PlanOptions options, long limit, ToLongFunction<ExecutionPlan> extra) {
    StageGraph graph = Lowering.lower(network);
    int low = 0;
    int high = 1;
    while (high < 1 << 20 && fits(graph, options, high, limit, extra)) {
      low = high;
      high *= 2;
    }
    while (high - low > 1) {
      int middle = (low + high) / 2;
      if (fits(graph, options, middle, limit, extra)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private static boolean fits(
      StageGraph graph,
      PlanOptions options,
      int batch,
      long limit,
      ToLongFunction<ExecutionPlan> extra) {
    ExecutionPlan plan = of(graph, options.withBatch(batch));
    return plan.memory().totalBytes() + extra.applyAsLong(plan) <= limit;
  }
}
