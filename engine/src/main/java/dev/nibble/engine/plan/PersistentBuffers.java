package dev.nibble.engine.plan;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Stage;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The buffers that live from the first to the last moment of a step, and so as long as the session.
 */
public final class PersistentBuffers {
  /** Adds a buffer to a plan. */
  interface Adder {
    Buffer add(String name, Kind kind, long bytes, int firstUse);
  }

  /** Where in {@link #scalars} the key of the step's random numbers lies. */
  public static final long DRAWS = 32;

  private final ExecutionPlan plan;
  private final Adder adder;
  private final Buffer weights;
  private final @Nullable Buffer gradients;
  private final List<Buffer> optimizerState = new ArrayList<>();
  private final @Nullable Buffer accumulated;
  private final @Nullable Buffer average;
  private final @Nullable Buffer best;
  private final @Nullable Buffer bestState;
  private final @Nullable Buffer state;
  private final Buffer tables;
  private final Buffer moments;
  private final Buffer statistics;
  private final @Nullable Buffer partialSums;
  private final @Nullable Buffer partialGradients;
  private final Buffer scalars;
  private final List<Slot> slots = new ArrayList<>();
  private final @Nullable Shared shared;

  /**
   * One batch as the loader leaves it: bytes N,H,W,C, labels N, crops N x 3, maybe targets N x
   * outputs.
   */
  public record Slot(Buffer pictures, Buffer labels, Buffer crops, @Nullable Buffer targets) {}

  /**
   * What workers that share a batch hand to each other beside sums, and what they make of it.
   *
   * @param exchanged by worker, {@link #SHARED_HEADER} bytes and then labels, or targets, and
   *     logits of the largest share
   * @param labels the whole batch's, or its targets
   * @param logits the whole batch's
   * @param gradient of all logits; null for inference
   * @param local with local batch norm, by worker, the gradients of all its scales and shifts
   * @param window the weights' gradients that are under way; null for inference
   * @param layout where in the window each stage's lie
   */
  public record Shared(
      Buffer exchanged,
      Buffer labels,
      Buffer logits,
      @Nullable Buffer gradient,
      @Nullable Buffer local,
      @Nullable Buffer window,
      GradientWindow layout) {}

  /** Bytes in front of each worker's part of {@link Shared#exchanged}. */
  public static final int SHARED_HEADER = 64;

  PersistentBuffers(ExecutionPlan plan, Adder adder) {
    this.plan = plan;
    this.adder = adder;
    StageGraph graph = plan.graph();
    boolean training = plan.options().isTraining();
    long weightBytes = 4L * graph.network().weightValues();
    weights = add("weights", Kind.WEIGHTS, weightBytes);
    long trainedBytes = weightBytes - 4L * plan.firstTrained();
    gradients = training ? add("weight gradients", Kind.WEIGHTS, trainedBytes) : null;
    UpdateRule update = plan.options().update();
    if (training) {
      for (String name : update.optimizer().state()) {
        optimizerState.add(add(name, Kind.WEIGHTS, trainedBytes));
      }
    }
    accumulated = addIf(training && update.accumulates(), "accumulated gradients", trainedBytes);
    average = addIf(training && update.averages(), "average weights", weightBytes);
    long stateBytes = 4L * graph.network().stateValues();
    state = addIf(stateBytes > 0, "running statistics", stateBytes);
    boolean keeps = training && plan.options().keepsBest();
    best = addIf(keeps, "best weights", weightBytes);
    bestState = addIf(keeps && stateBytes > 0, "best running statistics", stateBytes);
    tables = add("channel tables", Kind.OTHER, tableBytes(graph));
    moments = add("moments", Kind.OTHER, momentBytes(graph));
    statistics = add("partial statistics", Kind.OTHER, most(graph, StageCuts::statisticsBytes));
    long sumBytes = mostTrained(graph, StageCuts::sumBytes);
    partialSums = training ? add("partial sums", Kind.OTHER, sumBytes) : null;
    long gradientBytes = mostTrained(graph, StageCuts::gradientBytes);
    partialGradients =
        training && gradientBytes > 0 ? add("partial gradients", Kind.OTHER, gradientBytes) : null;
    FeatureMap input = graph.network().input();
    scalars = add("loss, mean and std", Kind.OTHER, 64 + 8L * input.channels());
    long batch = plan.localBatch();
    for (int i = 0; i < plan.options().slots(); i++) {
      slots.add(
          new Slot(
              add("batch " + i + " pictures", Kind.BATCH, batch * input.values()),
              add("batch " + i + " labels", Kind.BATCH, 4 * batch),
              add("batch " + i + " crops", Kind.BATCH, 12 * batch),
              i < plan.options().targetSlots()
                  ? add("batch " + i + " targets", Kind.BATCH, batch * wantedBytes(plan))
                  : null));
    }
    shared = plan.options().workers().count() == 1 ? null : shared(training);
  }

  private Shared shared(boolean training) {
    Workers workers = plan.options().workers();
    long batch = plan.options().batch();
    long logits = 4 * batch * plan.graph().logits().map().values();
    GradientWindow window = GradientWindow.of(plan);
    boolean exchanges = training && window.bytes() > 0;
    return new Shared(
        add("exchanged logits", Kind.OTHER, workers.count() * sharedBytes(plan)),
        add("all labels", Kind.OTHER, batch * wantedBytes(plan)),
        add("all logits", Kind.OTHER, logits),
        training ? add("gradient of all logits", Kind.OTHER, logits) : null,
        workers.localNorm()
            ? add("norms' gradients", Kind.OTHER, workers.count() * normBytes(plan))
            : null,
        exchanges ? add("exchanged gradients", Kind.OTHER, window.bytes()) : null,
        window);
  }

  /** Bytes of one worker's part of {@link Shared#exchanged}. */
  public static long sharedBytes(ExecutionPlan plan) {
    long bytes = wantedBytes(plan) + 4L * plan.graph().logits().map().values();
    return up(SHARED_HEADER + bytes * plan.localBatch());
  }

  /** The most bytes of what a picture's outputs should be: of a label, or of targets. */
  public static long wantedBytes(ExecutionPlan plan) {
    return plan.options().targetSlots() == 0 ? 4 : 4L * plan.graph().logits().map().values();
  }

  /** Bytes of one worker's part of {@link Shared#local}. */
  public static long normBytes(ExecutionPlan plan) {
    long values = 0;
    for (Parameter parameter : plan.graph().network().parameters()) {
      if (plan.isTrained(parameter) && isOfNorm(parameter)) {
        values += parameter.size();
      }
    }
    return up(4 * values);
  }

  /** Whether it is a batch norm's scale or shift. */
  public static boolean isOfNorm(Parameter parameter) {
    return parameter.kind() == Parameter.Kind.SCALE || parameter.kind() == Parameter.Kind.SHIFT;
  }

  private interface Size {
    long bytes(StageCuts cuts, Stage stage);
  }

  /** The most that a stage leaves. */
  private long most(StageGraph graph, Size size) {
    return graph.stages().stream().mapToLong(node -> size(node, size)).max().orElse(0);
  }

  private long mostTrained(StageGraph graph, Size size) {
    return graph.stages().stream()
        .filter(node -> !plan.frozen().node(node))
        .mapToLong(node -> size(node, size))
        .max()
        .orElse(0);
  }

  private long size(Node node, Size size) {
    return size.bytes(plan.cuts(node.index()), plan.stage(node.index()));
  }

  private Buffer add(String name, Kind kind, long bytes) {
    Buffer buffer = adder.add(name, kind, bytes, 0);
    buffer.use(plan.endTime());
    return buffer;
  }

  private @Nullable Buffer addIf(boolean needed, String name, long bytes) {
    return needed ? add(name, Kind.WEIGHTS, bytes) : null;
  }

  private static long up(long bytes) {
    return (bytes + 63) / 64 * 64;
  }

  private static long tableBytes(StageGraph graph) {
    long bytes = 64;
    for (View view : graph.views()) {
      bytes += up(ExecutionPlan.tableBytes(view));
    }
    return bytes;
  }

  private static long momentBytes(StageGraph graph) {
    long most = 0;
    for (Tensor tensor : graph.tensors()) {
      most = Math.max(most, 8L * tensor.map().channels());
    }
    return up(most) + joinedBytes(graph.tensors());
  }

  /** Concatenations' moments, which their slices leave one after the other. */
  private static long joinedBytes(List<Tensor> tensors) {
    return tensors.stream()
        .filter(PersistentBuffers::isJoined)
        .mapToLong(tensor -> up(8L * tensor.map().channels()))
        .sum();
  }

  private static boolean isJoined(Tensor tensor) {
    return tensor.isJoined();
  }

  /** Byte offset of a concatenation's moments in {@link #moments}. */
  public long momentOffset(Tensor whole) {
    List<Tensor> tensors = plan.graph().tensors();
    return moments.bytes() - joinedBytes(tensors.subList(whole.index(), tensors.size()));
  }

  /** Byte offset of a view's channel table in {@link #tables}. */
  public long tableOffset(View view) {
    long offset = 0;
    for (View earlier : plan.graph().views().subList(0, view.index())) {
      offset += up(ExecutionPlan.tableBytes(earlier));
    }
    return offset;
  }

  /** Trainable parameters. */
  public Buffer weights() {
    return weights;
  }

  /** Their gradients; null for inference. */
  public @Nullable Buffer gradients() {
    return gradients;
  }

  /** What the optimiser keeps from step to step; empty for inference. */
  public List<Buffer> optimizerState() {
    return List.copyOf(optimizerState);
  }

  /** The gradients of a step's batches but the last; null where one batch makes a step. */
  public @Nullable Buffer accumulated() {
    return accumulated;
  }

  /** The weights' running average; null where there is none. */
  public @Nullable Buffer average() {
    return average;
  }

  /** The best weights so far; null where they are not kept. */
  public @Nullable Buffer best() {
    return best;
  }

  /** The best weights' running statistics; null where there are none. */
  public @Nullable Buffer bestState() {
    return bestState;
  }

  /** Running statistics; null for a network without batch norm. */
  public @Nullable Buffer runningStatistics() {
    return state;
  }

  /** All views' channel tables. */
  public Buffer tables() {
    return tables;
  }

  /** Mean and variance of the tensor at hand; behind them those of concatenations. */
  public Buffer moments() {
    return moments;
  }

  /** The leaves' statistics of the stage at hand; empty where no stage needs them. */
  public Buffer statistics() {
    return statistics;
  }

  /** The leaves' sums of the stage at hand's backward pass; null for inference. */
  public @Nullable Buffer partialSums() {
    return partialSums;
  }

  /** The groups' gradients of the stage at hand; null where nothing is merged. */
  public @Nullable Buffer partialGradients() {
    return partialGradients;
  }

  /** The loss's result, {@link #DRAWS}, and from byte 64 on mean and std of the pictures. */
  public Buffer scalars() {
    return scalars;
  }

  /** What workers that share a batch need; null where there is one. */
  public @Nullable Shared shared() {
    return shared;
  }

  /** The loader's batches. */
  public List<Slot> slots() {
    return slots;
  }
}
