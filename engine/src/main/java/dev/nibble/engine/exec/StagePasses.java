package dev.nibble.engine.exec;

import dev.nibble.engine.exec.BoundStage.BoundTable;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.Shards;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The walk down the stages and back up. Every field that a pass changes belongs to the calling
 * thread and is read by the workers only between the start and the end of a {@link WorkerPool#run}.
 */
final class StagePasses {
  private static final int MERGE_CHUNK = 16384;

  private final ExecutionPlan plan;
  private final Kernels kernels;
  private final WorkerPool pool;
  private final Scratch scratch;
  private final InputPass input;
  private final List<BoundStage> stages;
  private final MemorySegment moments;
  private final MemorySegment statistics;
  private final LossBindings losses;
  private final StageRecorder recorder;
  private final @Nullable ParameterUpdate update;
  private final int shards;
  private final int[] bounds;

  private final WorkerPool.Task forwardTask = this::forwardShard;
  private final WorkerPool.Task backwardTask = this::backwardShard;
  private final WorkerPool.Task mergeTask = this::mergeChunk;
  private ForwardArgs forwardArgs;
  private @Nullable BackwardArgs backwardArgs;
  private @Nullable MemorySegment mergeTarget;
  private int mergeSize;

  StagePasses(
      ExecutionPlan plan,
      Binder binder,
      Kernels kernels,
      WorkerPool pool,
      Scratch scratch,
      SessionOptions options) {
    this.plan = plan;
    this.kernels = kernels;
    this.pool = pool;
    this.scratch = scratch;
    this.input = new InputPass(plan, binder, kernels, pool);
    this.stages = binder.bind();
    this.forwardArgs = stages.getFirst().infer();
    this.moments = binder.view(plan.buffers().persistent().moments());
    this.statistics = binder.view(plan.buffers().persistent().statistics());
    this.losses = new LossBindings(plan, binder, options.labelSmoothing());
    this.recorder = new StageRecorder(plan);
    this.update =
        plan.options().isTraining()
            ? new ParameterUpdate(plan, binder, kernels, pool, trainable(plan))
            : null;
    this.shards = plan.shards();
    this.bounds = new int[shards + 1];
  }

  private static List<Parameter> trainable(ExecutionPlan plan) {
    return plan.graph().network().parameters().stream().filter(plan::isTrained).toList();
  }

  InputPass input() {
    return input;
  }

  void forward(int count, boolean training) {
    Shards.bounds(count, shards, bounds);
    for (int i = 0; i < stages.size(); i++) {
      BoundStage stage = stages.get(i);
      recorder.beginForward(training);
      forwardArgs = training ? stage.train() : stage.infer();
      if (!training || stage.running()) {
        loadRunning(stage.inputTable(), training);
      }
      kernels.packForward(forwardArgs, scratch.packed());
      pool.run(shards, forwardTask);
      if (training && forwardArgs.stage().statistics()) {
        finishStatistics(stage, count);
      }
      recorder.endForward(stage.node(), count);
    }
  }

  private void forwardShard(int shard, int worker) {
    kernels.forward(
        forwardArgs,
        shard,
        bounds[shard],
        bounds[shard + 1],
        scratch.packed(),
        scratch.thread(worker));
  }

  private void loadRunning(@Nullable BoundTable table, boolean training) {
    if (table != null) {
      RunningStatistics.load(table, moments);
      fill(table, training);
    }
  }

  private void finishStatistics(BoundStage stage, int count) {
    FeatureMap map = stage.node().output().map();
    kernels.finishStatistics(statistics, shards, bounds, map, moments);
    for (int i = 0; i < stage.outputTables().size(); i++) {
      BoundTable table = stage.outputTables().get(i);
      fill(table, true);
      RunningStatistics.update(table, moments, (long) count * map.pixels());
    }
  }

  private void fill(BoundTable table, boolean training) {
    kernels.fillTable(
        training ? table.train() : table.infer(),
        table.channels(),
        moments,
        table.gamma(),
        table.beta(),
        plan.graph().network().epsilon(),
        table.table());
  }

  void loss(MemorySegment labels, int count, boolean training) {
    kernels.loss(losses.args(labels, training), count);
  }

  void backward(int count) {
    Shards.bounds(count, shards, bounds);
    for (int i = stages.size() - 1; i >= 0; i--) {
      BoundStage stage = stages.get(i);
      BackwardArgs args = stage.backward();
      if (args == null) {
        continue; // frozen
      }
      recorder.beginBackward();
      backwardArgs = args;
      kernels.packBackward(args, scratch.packed());
      pool.run(shards, backwardTask);
      MemorySegment target = stage.weightGradient();
      if (target != null) {
        mergeTarget = target;
        mergeSize = (int) (target.byteSize() / 4);
        pool.run((mergeSize + MERGE_CHUNK - 1) / MERGE_CHUNK, mergeTask);
      }
      MemorySegment scale = stage.scale();
      MemorySegment shift = stage.shift();
      if (scale != null && shift != null) {
        kernels.finishChannels(args, shards, count, scale, shift);
      }
      recorder.endBackward(stage.node(), count);
    }
  }

  private void backwardShard(int shard, int worker) {
    BackwardArgs args = backwardArgs;
    if (args != null) {
      kernels.backward(
          args, shard, bounds[shard], bounds[shard + 1], scratch.packed(), scratch.thread(worker));
    }
  }

  private void mergeChunk(int chunk, int worker) {
    BackwardArgs args = backwardArgs;
    MemorySegment target = mergeTarget;
    if (args != null && target != null) {
      int from = chunk * MERGE_CHUNK;
      kernels.finishWeights(args, shards, from, Math.min(from + MERGE_CHUNK, mergeSize), target);
    }
  }

  /** What makes steps of the gradients; null in a session for inference. */
  @Nullable ParameterUpdate update() {
    return update;
  }
}
