package dev.nibble.engine.plan;

import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.BackwardPlan.Term;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.engine.plan.TrafficCount.Pass;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that a training step moves between the planned buffers and the kernels, and the least
 * that its plan allows.
 *
 * <p>Moved is what the kernels' loops load from the buffers and store to them, every walk over a
 * buffer counted, whether memory or a cache serves it: the codes that a stage's backward pass reads
 * a second time, a moment after the first, count twice. What stays in a thread's scratch (tiles,
 * packed weights) is not counted, nor are the tables' few inputs (moments, loss, running
 * statistics).
 *
 * <p>The least: each stage reads every buffer that it needs once and writes every buffer that it
 * leaves once, in each direction.
 */
public final class StepTraffic {
  private final ExecutionPlan plan;
  private final BufferPlanner buffers;
  private final PersistentBuffers persistent;
  private final int batch;
  private final TrafficCount count;

  /** Moved by each stage, and the part of it that its stored activation is. */
  private final long[] forward;

  private final long[] backward;
  private final long[] written;
  private final long[] restored;

  private StepTraffic(ExecutionPlan plan) {
    this.plan = plan;
    this.buffers = plan.buffers();
    this.persistent = buffers.persistent();
    this.batch = plan.localBatch();
    this.count = new TrafficCount();
    int stages = plan.graph().stages().size();
    this.forward = new long[stages];
    this.backward = new long[stages];
    this.written = new long[stages];
    this.restored = new long[stages];
  }

  /**
   * Counts a training step of a full batch, from the loaded bytes to the updated weights; where a
   * step takes several batches, its last one. Clipping is counted as if it shortened nothing.
   *
   * @throws IllegalArgumentException if the plan is for inference
   */
  public static StepTraffic of(ExecutionPlan plan) {
    if (!plan.options().isTraining()) {
      throw new IllegalArgumentException("Only a plan for training has a step; plan one");
    }
    StepTraffic traffic = new StepTraffic(plan);
    traffic.input();
    List<Node> nodes = plan.graph().stages();
    nodes.forEach(traffic::countForward);
    traffic.loss();
    nodes.stream().filter(n -> plan.isRecomputed(n.index())).forEach(traffic::countForward);
    nodes.reversed().stream().filter(n -> !plan.frozen().node(n)).forEach(traffic::countBackward);
    traffic.update();
    return traffic;
  }

  /** Bytes moved, reads and writes together. */
  public long moved() {
    return count.moved();
  }

  /** Bytes moved from and to buffers of a kind. */
  public long moved(Kind kind) {
    return count.moved(kind);
  }

  /** The least bytes, reads and writes together. */
  public long minimum() {
    return count.minimum();
  }

  /** The least bytes from and to buffers of a kind. */
  public long minimum(Kind kind) {
    return count.minimum(kind);
  }

  /** Bytes that a stage's forward pass moves. */
  public long forward(Node node) {
    return forward[node.index()];
  }

  /** Bytes that a stage's backward pass moves. */
  public long backward(Node node) {
    return backward[node.index()];
  }

  /** Bytes of {@link #forward} that are the activation stored for the backward pass. */
  public long written(Node node) {
    return written[node.index()];
  }

  /** Bytes of {@link #backward} that are stored activations read again. */
  public long restored(Node node) {
    return restored[node.index()];
  }

  private void countForward(Node node) {
    long before = moved();
    long stored = moved(Kind.STORE);
    forward(count.pass(), node);
    forward[node.index()] = moved() - before;
    written[node.index()] = moved(Kind.STORE) - stored;
  }

  private void countBackward(Node node) {
    long before = moved();
    long stored = moved(Kind.STORE);
    backward(count.pass(), node);
    backward[node.index()] = moved() - before;
    restored[node.index()] = moved(Kind.STORE) - stored;
  }

  private void input() {
    Pass pass = count.pass();
    FeatureMap map = plan.graph().network().input();
    PersistentBuffers.Slot slot = persistent.slots().getFirst();
    pass.read(slot.pictures(), (long) batch * map.values());
    pass.read(slot.crops(), 12L * batch);
    pass.write(buffers.tensor(plan.graph().tensors().getFirst()), bytes(map));
  }

  private void forward(Pass pass, Node node) {
    if (node.joins()) {
      tables(pass, node);
      return;
    }
    Stage stage = plan.stage(node.index());
    View input = node.input();
    pass.read(buffers.tensor(input.tensor()), bytes(stage.input()));
    if (node.factor() != null) {
      pass.read(buffers.tensor(node.factor().tensor()), bytes(node.factor().map()));
    }
    int leaves = plan.cuts(node.index()).forward().leaves();
    table(pass, input, stage.activation(), leaves);
    Buffer store = buffers.store(input);
    if (store != null && stage.activation().store().isWritten()) {
      long copy = storeBytes(input);
      pass.write(store, copy);
      if (stage.activation().naive()) {
        pass.readAgain(Kind.STORE, copy);
      }
    }
    View shortcut = node.shortcut();
    Stage.Residual residual = stage.residual();
    if (shortcut != null && residual != null) {
      pass.read(buffers.tensor(shortcut.tensor()), bytes(residual.transform().input()));
      table(pass, shortcut, residual.activation(), leaves);
    }
    parameters(pass, node);
    Buffer saved = buffers.saved(node);
    if (saved != null) {
      pass.write(saved, saved.bytes());
    }
    pass.write(buffers.tensor(node.output()), bytes(stage.output()));
    if (stage.statistics()) {
      sums(pass, persistent.statistics(), plan.cuts(node.index()).statisticsBytes(stage));
    }
    tables(pass, node);
    if (plan.frozen().usesRunningStatistics(input)) {
      pass.writeTable(input);
    }
  }

  private void tables(Pass pass, Node node) {
    for (View view : plan.graph().views()) {
      if (view.tensor() == node.output() && plan.isFilledFromBatch(view)) {
        pass.writeTable(view);
      }
    }
  }

  private void loss() {
    Pass pass = count.pass();
    long bytes = bytes(plan.graph().logits().map());
    pass.read(buffers.tensor(plan.graph().logits()), bytes);
    Buffer targets = persistent.slots().getFirst().targets();
    if (targets != null) {
      pass.read(targets, batch * PersistentBuffers.wantedBytes(plan));
    } else {
      pass.read(persistent.slots().getFirst().labels(), 4L * batch);
    }
    pass.write(require(buffers.lossGradient()), bytes);
  }

  private void backward(Pass pass, Node node) {
    Stage stage = plan.stage(node.index());
    StageCuts cuts = plan.cuts(node.index());
    Activation activation = stage.activation();
    BackwardPlan backward = buffers.backward(node);
    View input = node.input();
    int leaves = node.joins() ? cuts.forward().leaves() : cuts.backward().leaves();
    if (node.joins() && backward.gradientOut() == null) {
      return;
    }
    Buffer dx = backward.dx();
    boolean through = dx != null || activation.hasParameters();
    Buffer gradientOut = backward.gradientOut();
    backward.outputTerms().forEach(term -> term(pass, term, leaves));
    if (gradientOut != null) {
      pass.write(gradientOut, bytes(stage.output()));
    }
    if (node.joins()) {
      return;
    }
    if (node.factor() != null) {
      pass.read(buffers.tensor(node.factor().tensor()), bytes(node.factor().map()));
      pass.write(require(backward.factorGradient()), bytes(node.factor().map()));
    }
    if (!cuts.fused()) {
      // Each product reads the gradient by itself, or its sum; the weights' once a block at least.
      int walks = (gradientOut == null ? 0 : 1) + (through && stage.needsInputValues() ? 1 : 0);
      for (int i = 0; i < walks; i++) {
        if (gradientOut != null) {
          pass.read(gradientOut, bytes(stage.output()));
        } else {
          backward.outputTerms().forEach(term -> term(pass, term, leaves));
        }
      }
    }
    parameters(pass, node);
    Buffer saved = buffers.saved(node);
    if (saved != null) {
      pass.read(saved, saved.bytes());
    }
    if (stage.needsInputValues()) {
      restore(pass, input, activation);
    }
    if (through) {
      backward.activationTerms().forEach(term -> term(pass, term, leaves));
      if (activation.store().isWritten()) {
        restore(pass, input, activation); // for the mask and the sums with hat~
      }
    }
    table(pass, input, activation, leaves);
    if (dx != null) {
      pass.write(dx, bytes(stage.input()));
    }
    gradients(pass, node, stage, cuts);
  }

  /** Weights and bias, as a stage's pass reads them. */
  private static void parameters(Pass pass, Node node) {
    if (node.weight() != null) {
      pass.readValues(node, 4L * node.weight().size());
    }
  }

  private void restore(Pass pass, View input, Activation activation) {
    if (activation.store() == StoreFormat.KEPT) {
      pass.read(buffers.tensor(input.tensor()), bytes(input.map()));
    } else if (activation.store().isWritten()) {
      pass.read(require(buffers.store(input)), storeBytes(input));
    }
  }

  private void term(Pass pass, Term term, int leaves) {
    Resample transform = term.transform();
    View view = term.view();
    if (transform != null) {
      // Of the shortcut's output, only the channels that are not padding.
      long pixels = (long) transform.outputHeight() * transform.outputWidth();
      pass.read(term.buffer(), batch * pixels * 4 * transform.input().channels());
    } else if (term.slice() != null) {
      pass.read(term.buffer(), bytes(term.slice().map()));
    } else if (view != null) {
      pass.read(term.buffer(), bytes(view.map()));
      pass.read(require(buffers.store(view)), storeBytes(view));
      pass.readTable(view, leaves);
    }
  }

  /** The leaves' partial gradients and sums, and what is merged from them. */
  private void gradients(Pass pass, Node node, Stage stage, StageCuts cuts) {
    sums(pass, require(persistent.partialSums()), cuts.sumBytes(stage));
    Buffer partial = persistent.partialGradients();
    if (partial != null) {
      sums(pass, partial, cuts.gradientBytes(stage));
    }
    if (node.weight() != null) {
      pass.write(require(persistent.gradients()), 4L * Partials.weightValues(stage));
    }
  }

  private void update() {
    Pass pass = count.pass();
    long values =
        plan.graph().network().parameters().stream()
            .filter(plan::isTrained)
            .mapToLong(Parameter::size)
            .sum();
    long bytes = 4 * values;
    Buffer gradients = require(persistent.gradients());
    pass.read(gradients, bytes);
    List<Buffer> updated = new ArrayList<>(persistent.optimizerState());
    updated.add(persistent.weights());
    Buffer average = persistent.average();
    if (average != null) {
      updated.add(average);
      pass.readAgain(Kind.WEIGHTS, bytes); // the new weights
    }
    for (Buffer buffer : updated) {
      pass.read(buffer, bytes);
      pass.write(buffer, bytes);
    }
    Buffer accumulated = persistent.accumulated();
    if (accumulated != null) {
      pass.read(accumulated, bytes);
      pass.write(gradients, bytes);
      pass.readAgain(Kind.WEIGHTS, bytes); // the averaged gradients
    }
    if (plan.options().update().clips()) {
      pass.readAgain(Kind.WEIGHTS, bytes); // for their norm
    }
  }

  private static void table(Pass pass, View view, Activation activation, int leaves) {
    if (activation.needsTable()) {
      pass.readTable(view, leaves);
    }
  }

  /** Every leaf leaves its sums, and the merge reads them. */
  private static void sums(Pass pass, Buffer buffer, long bytes) {
    pass.write(buffer, bytes);
    pass.read(buffer, bytes);
  }

  private long bytes(FeatureMap map) {
    return batch * map.bytes();
  }

  private long storeBytes(View view) {
    return batch * plan.activation(view).store().bytes(view.map());
  }

  private static <T> T require(@Nullable T value) {
    return Objects.requireNonNull(value, "the plan lacks a buffer that training needs");
  }
}
