package dev.nibble.engine.infer;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.ForwardArgs.ResidualArgs;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one thread needs to take a few pictures through the whole network: tensors, scratch and the
 * bound arguments of every stage. Depth first, so that the pictures stay in the core's cache and no
 * thread waits for another between stages, but where idle ones assist. Held by one thread at a
 * time.
 */
final class InferenceContext {
  private final Kernels kernels;
  private final ForwardArgs[] stages;
  private final boolean[] joins;
  private final float[][] packed;
  private final float[] scratch;
  private final MemorySegment input;
  private final MemorySegment logits;
  private final MemorySegment bytes;
  private final @Nullable InputArgs bytesToInput;
  private final Team team = new Team(this);

  /** Binds context number {@code index} of a predictor's memory. */
  InferenceContext(
      InferencePlan plan,
      PredictorMemory memory,
      int index,
      Kernels kernels,
      PredictorOptions options) {
    ExecutionPlan whole = plan.plan();
    List<Node> nodes = plan.graph().stages();
    this.kernels = kernels;
    this.stages = new ForwardArgs[nodes.size()];
    this.joins = new boolean[nodes.size()];
    this.packed = new float[nodes.size()][];
    for (Node node : nodes) {
      stages[node.index()] = bind(whole, memory, index, node);
      joins[node.index()] = node.joins();
      packed[node.index()] = memory.packed(node.index());
    }
    this.scratch = new float[plan.scratchFloats()];
    this.input = memory.view(whole.buffers().tensor(plan.graph().tensors().getFirst()), index);
    this.logits = memory.view(whole.buffers().tensor(plan.graph().logits()), index);
    PersistentBuffers.Slot slot = whole.buffers().persistent().slots().getFirst();
    this.bytes = memory.view(slot.pictures(), index);
    MemorySegment crops = memory.view(slot.crops(), index);
    this.bytesToInput = inputArgs(plan, memory, crops, options);
  }

  private @Nullable InputArgs inputArgs(
      InferencePlan plan, PredictorMemory memory, MemorySegment crops, PredictorOptions options) {
    float[] mean = options.mean();
    float[] std = options.std();
    if (mean == null || std == null) {
      return null;
    }
    MemorySegment scalars = memory.view(plan.plan().buffers().persistent().scalars());
    MemorySegment means = scalars.asSlice(64, 4L * mean.length);
    MemorySegment stds = scalars.asSlice(64 + 4L * mean.length, 4L * mean.length);
    MemorySegment.copy(mean, 0, means, JAVA_FLOAT, 0, mean.length);
    MemorySegment.copy(std, 0, stds, JAVA_FLOAT, 0, std.length);
    // Slabs are zeroed: no padding, no offset, not mirrored.
    return new InputArgs(
        plan.graph().network().input(),
        plan.picturesAtOnce(),
        bytes,
        crops,
        0,
        means,
        stds,
        options.pictureMean(),
        input);
  }

  private static ForwardArgs bind(
      ExecutionPlan plan, PredictorMemory memory, int context, Node node) {
    Stage stage = plan.stage(node.index());
    View read = node.input();
    View shortcut = node.shortcut();
    Stage.Residual residual = stage.residual();
    ResidualArgs added = null;
    if (shortcut != null && residual != null) {
      added =
          new ResidualArgs(
              memory.view(plan.buffers().tensor(shortcut.tensor()), context),
              residual.activation().needsTable() ? memory.table(shortcut) : null);
    }
    return new ForwardArgs(
        stage,
        plan.options().batch(),
        memory.view(plan.buffers().tensor(read.tensor()), context),
        stage.activation().needsTable() ? memory.table(read) : null,
        null,
        node.weight() == null ? null : memory.parameter(node.weight()),
        node.bias() == null ? null : memory.parameter(node.bias()),
        added,
        null,
        memory.view(plan.buffers().tensor(node.output()), context),
        null,
        node.factor() == null
            ? null
            : memory.view(plan.buffers().tensor(node.factor().tensor()), context),
        null);
  }

  /**
   * Packs all weights into the arrays that every context reads, or to where the kernels keep them.
   */
  void pack() {
    for (int i = 0; i < stages.length; i++) {
      // Not by the array's length: a device keeps the weights elsewhere, and needs none.
      if (stages[i].weights() != null) {
        int units = kernels.packUnits(stages[i].stage());
        for (int unit = 0; unit < units; unit++) {
          kernels.packForward(stages[i], unit, packed[i]);
        }
      }
    }
  }

  /** Takes pictures {@code [from, from + count)} of a call, as many as a context holds at most. */
  void run(Call call, int from, int count) {
    InputArgs args = bytesToInput;
    if (call.hasBytes() && args != null) {
      call.read(from, count, bytes);
      kernels.input(args, 0, count);
    } else {
      call.read(from, count, input);
    }
    team.lead(count, stages.length);
    call.write(from, count, logits);
  }

  /** Whether a stage only stands for what its producers have written already. */
  boolean joins(int stage) {
    return joins[stage];
  }

  /** Runs a part of a stage on the pictures that the context holds. */
  void run(int stage, int count, int part, int parts, float[] room) {
    kernels.forward(stages[stage], 0, 0, count, part, parts, packed[stage], room);
  }

  /** Its own scratch, with which its thread may assist another. */
  float[] scratch() {
    return scratch;
  }

  /** Those who take its pictures through. */
  Team team() {
    return team;
  }
}
