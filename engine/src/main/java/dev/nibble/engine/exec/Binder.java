package dev.nibble.engine.exec;

import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.exec.BoundStage.BoundTable;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.BackwardPlan;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.BufferPlanner;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.Tensor;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Draw;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.ForwardArgs.ResidualArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.plan.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Turns a plan and its workspace into the arguments of every kernel call. */
final class Binder {
  /** Keeps the scale of codes finite where a channel without batch norm has but one value. */
  private static final float CODES_EPSILON = 1e-12f;

  private final ExecutionPlan plan;
  private final Workspace workspace;
  private final PersistentBuffers persistent;

  Binder(ExecutionPlan plan, Workspace workspace) {
    this.plan = plan;
    this.workspace = workspace;
    this.persistent = plan.buffers().persistent();
  }

  List<BoundStage> bind() {
    List<BoundStage> stages = new ArrayList<>();
    for (Node node : plan.graph().stages()) {
      stages.add(bind(node));
    }
    return List.copyOf(stages);
  }

  MemorySegment view(Buffer buffer) {
    return workspace.view(buffer.index());
  }

  @Nullable MemorySegment viewOrNull(@Nullable Buffer buffer) {
    return buffer == null ? null : view(buffer);
  }

  MemorySegment parameter(Parameter parameter) {
    Buffer buffer =
        parameter.kind().trainable()
            ? persistent.weights()
            : require(persistent.runningStatistics());
    return slice(buffer, parameter);
  }

  BatchSlot slot(PersistentBuffers.Slot slot) {
    FeatureMap map = plan.graph().network().input();
    return new BatchSlot(
        plan.localBatch(),
        map.height(),
        map.width(),
        map.channels(),
        view(slot.pictures()),
        view(slot.labels()),
        view(slot.crops()),
        plan.graph().logits().map().values(),
        viewOrNull(slot.targets()));
  }

  /** A trained parameter's gradient. */
  MemorySegment gradient(Parameter parameter) {
    long from = 4L * (parameter.offset() - plan.firstTrained());
    return view(require(persistent.gradients())).asSlice(from, 4L * parameter.size());
  }

  private MemorySegment slice(Buffer buffer, Parameter parameter) {
    return view(buffer).asSlice(4L * parameter.offset(), 4L * parameter.size());
  }

  private BoundStage bind(Node node) {
    ForwardArgs infer = forward(node, plan.inferenceStage(node.index()), Pass.INFERENCE);
    boolean training = plan.options().isTraining();
    boolean trained = training && !plan.frozen().node(node);
    // Nothing of a concatenation is left to do if its readers leave one gradient.
    boolean returns =
        trained && (!node.joins() || plan.buffers().backward(node).gradientOut() != null);
    Stage stage = plan.stage(node.index());
    ForwardArgs train = training ? forward(node, stage, Pass.FIRST) : infer;
    boolean twice = plan.isRecomputed(node.index()) && !node.joins();
    Layer.BatchNorm norm = node.input().norm();
    boolean running = plan.frozen().usesRunningStatistics(node.input());
    boolean fitted = norm != null && !plan.frozen().norm(norm);
    boolean finishes = trained && fitted && node.input().owner() == node.index();
    List<BoundTable> outputTables = new ArrayList<>();
    for (View view : plan.graph().views()) {
      if (view.tensor() == node.output() && plan.isFilledFromBatch(view)) {
        outputTables.add(table(view));
      }
    }
    return new BoundStage(
        node,
        train,
        infer,
        twice ? forward(node, stage, Pass.SECOND) : null,
        returns ? backward(node) : null,
        trained ? weightGradient(node) : null,
        finishes ? gradient(node.input().norm(), ".weight") : null,
        finishes ? gradient(node.input().norm(), ".bias") : null,
        trained ? slopeGradient(node) : null,
        List.copyOf(outputTables),
        norm != null || node.input().slope() != null ? table(node.input()) : null,
        training && running,
        moments(node.output()));
  }

  private BoundStage.Moments moments(Tensor tensor) {
    MemorySegment all = view(persistent.moments());
    Tensor whole = tensor.whole() == null ? tensor : tensor.whole();
    int channels = whole.map().channels();
    long from = whole.isJoined() ? persistent.momentOffset(whole) : 0;
    return new BoundStage.Moments(
        all.asSlice(from, 8L * channels),
        channels,
        tensor.layout().offset(),
        tensor.whole() != null);
  }

  /** Which forward pass arguments are for: one of training's two, or that of inference. */
  private enum Pass {
    INFERENCE,
    FIRST,
    SECOND
  }

  private MemorySegment tensor(Tensor tensor, Node node, boolean second) {
    BufferPlanner buffers = plan.buffers();
    return view(second ? buffers.tensorAgain(tensor, node) : buffers.tensor(tensor));
  }

  private ForwardArgs forward(Node node, Stage stage, Pass pass) {
    boolean second = pass == Pass.SECOND;
    // What is computed twice saves its maxima's places, or moments, the second time.
    boolean saves = second || (pass == Pass.FIRST && !plan.isRecomputed(node.index()));
    View input = node.input();
    Activation activation = stage.activation();
    ResidualArgs residual = null;
    View shortcut = node.shortcut();
    if (shortcut != null && stage.residual() != null) {
      Activation a = stage.residual().activation();
      residual =
          new ResidualArgs(
              tensor(shortcut.tensor(), node, second),
              a.needsTable() ? tableSegment(shortcut) : null);
    }
    return new ForwardArgs(
        stage,
        plan.localBatch(),
        tensor(input.tensor(), node, second),
        activation.needsTable() ? tableSegment(input) : null,
        activation.store().isWritten() ? store(input, second) : null,
        node.weight() == null ? null : parameter(node.weight()),
        node.bias() == null ? null : parameter(node.bias()),
        residual,
        saves ? viewOrNull(plan.buffers().saved(node)) : null,
        tensor(node.output(), node, second),
        stage.statistics() ? view(persistent.statistics()) : null,
        node.factor() == null ? null : tensor(node.factor().tensor(), node, second),
        stage.operator() instanceof Operator.Dropout ? draws() : null);
  }

  private BackwardArgs backward(Node node) {
    Stage stage = plan.stage(node.index());
    View input = node.input();
    Activation activation = stage.activation();
    BackwardPlan backward = plan.buffers().backward(node);
    return new BackwardArgs(
        stage,
        plan.localBatch(),
        terms(backward.outputTerms()),
        viewOrNull(backward.gradientOut()),
        activation.store() == StoreFormat.KEPT ? tensor(input.tensor(), node, true) : null,
        activation.needsTable() ? tableSegment(input) : null,
        activation.store().isWritten() ? store(input) : null,
        node.weight() == null ? null : parameter(node.weight()),
        viewOrNull(plan.buffers().saved(node)),
        terms(backward.activationTerms()),
        viewOrNull(backward.dx()),
        partialGradients(node),
        view(require(persistent.partialSums())),
        node.factor() == null ? null : tensor(node.factor().tensor(), node, true),
        viewOrNull(backward.factorGradient()),
        stage.operator() instanceof Operator.Dropout ? draws() : null);
  }

  /** What the step's random numbers are drawn from. */
  MemorySegment draws() {
    return view(persistent.scalars()).asSlice(PersistentBuffers.DRAWS, Draw.BYTES);
  }

  /** Where the leaves leave the weights' gradient: its own place, if there is nothing to merge. */
  private @Nullable MemorySegment partialGradients(Node node) {
    return plan.cuts(node.index()).writesWeights()
        ? weightGradient(node)
        : viewOrNull(persistent.partialGradients());
  }

  private List<GradientTerm> terms(List<BackwardPlan.Term> terms) {
    List<GradientTerm> bound = new ArrayList<>();
    for (BackwardPlan.Term term : terms) {
      bound.add(term(term));
    }
    return bound;
  }

  private GradientTerm term(BackwardPlan.Term term) {
    View view = term.view();
    if (view != null) {
      return new GradientTerm.Normalized(
          view.map(),
          view(term.buffer()),
          tableSegment(view),
          plan.activation(view).store(),
          store(view));
    }
    Tensor slice = term.slice();
    return slice != null
        ? new GradientTerm.Slice(slice.map(), view(term.buffer()), slice.layout())
        : new GradientTerm.Shortcut(view(term.buffer()), require(term.transform()));
  }

  private MemorySegment store(View view, boolean second) {
    Buffer passing = second ? null : plan.buffers().passing(view);
    return passing == null ? store(view) : view(passing);
  }

  private MemorySegment store(View view) {
    return view(require(plan.buffers().store(view)));
  }

  private MemorySegment tableSegment(View view) {
    long bytes = ChannelTable.bytes(view.map().channels());
    return view(persistent.tables()).asSlice(persistent.tableOffset(view), bytes);
  }

  private BoundTable table(View view) {
    Layer.BatchNorm norm = view.norm();
    Activation train = plan.activation(view);
    Activation infer =
        new Activation(train.normalize(), train.nonlinearity(), StoreFormat.NONE, false);
    return new BoundTable(
        train,
        infer,
        view.map().channels(),
        norm == null ? CODES_EPSILON : norm.epsilon(),
        norm == null ? 0 : norm.momentum(),
        tableSegment(view),
        norm == null ? null : normParameter(norm, ".weight"),
        norm == null ? null : normParameter(norm, ".bias"),
        norm == null ? null : normParameter(norm, ".running_mean"),
        norm == null ? null : normParameter(norm, ".running_var"),
        view.slope() == null ? null : parameter(view.slope()));
  }

  private MemorySegment normParameter(Layer.BatchNorm norm, String suffix) {
    return parameter(plan.graph().network().parameter(norm.name() + suffix));
  }

  private MemorySegment gradient(Layer.@Nullable BatchNorm norm, String suffix) {
    Parameter parameter = plan.graph().network().parameter(require(norm).name() + suffix);
    return gradient(parameter);
  }

  private @Nullable MemorySegment slopeGradient(Node node) {
    Parameter slope = node.input().slope();
    boolean owns = node.input().owner() == node.index();
    return slope == null || !owns || !plan.isTrained(slope) ? null : gradient(slope);
  }

  private @Nullable MemorySegment weightGradient(Node node) {
    Parameter weight = node.weight();
    if (weight == null) {
      return null;
    }
    int size = weight.size() + (node.bias() == null ? 0 : node.bias().size());
    long from = 4L * (weight.offset() - plan.firstTrained());
    return view(require(persistent.gradients())).asSlice(from, 4L * size);
  }

  private static <T> T require(@Nullable T value) {
    return Objects.requireNonNull(value, "the plan lacks a buffer that training needs");
  }
}
