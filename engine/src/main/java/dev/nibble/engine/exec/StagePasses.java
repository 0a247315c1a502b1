package dev.nibble.engine.exec;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A step's passes, put together for a session: down the stages, the loss, and back up. */
final class StagePasses {
  private final Kernels kernels;
  private final InputPass input;
  private final int stages;
  private final ForwardPass forward;
  private final BoundLoss losses;
  private final BackwardPass backward;
  private final WeightGradients weights;
  private final @Nullable ParameterUpdate update;
  private final @Nullable SharedBatch shared;

  StagePasses(
      ExecutionPlan plan,
      Binder binder,
      Kernels kernels,
      WorkerPool pool,
      Scratch scratch,
      SessionOptions options) {
    this.kernels = kernels;
    this.input = new InputPass(plan, binder, kernels, pool);
    List<BoundStage> bound = binder.bind();
    this.stages = bound.size();
    Collective collective = options.collective();
    this.shared =
        collective == null || collective.size() == 1
            ? null
            : new SharedBatch(plan, binder, kernels, bound, options);
    StageTurn turn = new StageTurn(plan, bound, shared);
    StageRecorder recorder = new StageRecorder(plan);
    MemorySegment sums = binder.view(plan.buffers().persistent().statistics());
    MemorySegment moments = binder.view(plan.buffers().persistent().moments());
    BatchStatistics statistics = new BatchStatistics(turn, kernels, pool, sums, moments);
    this.weights = new WeightGradients(turn, kernels, pool, stages, shared);
    this.forward =
        new ForwardPass(bound, turn, kernels, pool, scratch, statistics, weights, recorder);
    ChannelGradients channels = new ChannelGradients(turn, kernels, pool);
    this.backward =
        new BackwardPass(plan, turn, kernels, pool, scratch, forward, channels, weights, recorder);
    this.losses =
        new BoundLoss(
            options,
            plan.options().batch(),
            plan.graph().network().classes(),
            binder.view(plan.buffers().tensor(plan.graph().logits())),
            binder.viewOrNull(plan.buffers().lossGradient()),
            binder.view(plan.buffers().persistent().scalars()));
    this.update =
        plan.options().isTraining()
            ? new ParameterUpdate(plan, binder, kernels, pool, trainable(plan))
            : null;
  }

  private static List<Parameter> trainable(ExecutionPlan plan) {
    return plan.graph().network().parameters().stream().filter(plan::isTrained).toList();
  }

  InputPass input() {
    return input;
  }

  void forward(int pictures, boolean trains) {
    forward.run(pictures, trains);
  }

  void loss(MemorySegment labels, int pictures, boolean trains) {
    if (shared != null) {
      shared.loss().run(labels, pictures, trains);
      return;
    }
    losses.run(kernels, labels, pictures, trains);
  }

  void backward(int pictures) {
    for (int i = stages - 1; i >= 0; i--) {
      backward.run(i, pictures);
    }
    if (shared != null) {
      weights.mergeRest(pictures);
      shared.exchangeNorms();
    }
  }

  /** One stage's turn on the way back, all of it; nothing if it is frozen. */
  void backward(int index, int pictures) {
    backward.run(index, pictures);
    if (shared != null) {
      weights.mergeRest(pictures);
    }
  }

  /** Copies the gradient of a stage's output ({@link BackwardPass#copyOutputGradient}). */
  boolean copyOutputGradient(int index, int pictures, MemorySegment target) {
    return backward.copyOutputGradient(index, pictures, target);
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
