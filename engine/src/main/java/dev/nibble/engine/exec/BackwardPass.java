package dev.nibble.engine.exec;

import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;

/** A stage's turn on the way back: it reads its output's gradient and leaves its input's. */
final class BackwardPass {
  private final ExecutionPlan plan;
  private final StageTurn turn;
  private final Kernels kernels;
  private final WorkerPool pool;
  private final Portions portions;
  private final Scratch scratch;
  private final ForwardPass forward;
  private final ChannelGradients channels;
  private final WeightGradients weights;
  private final StageRecorder recorder;

  private final WorkerPool.Task sumTask = this::sumLeaf;
  private final WorkerPool.Task packTask = this::pack;
  private final WorkerPool.Task fusedTask = this::fusedLeaf;
  private final WorkerPool.Task dataTask = this::dataLeaf;
  private final WorkerPool.Task weightTask = this::weightLeaf;

  BackwardPass(
      ExecutionPlan plan,
      StageTurn turn,
      Kernels kernels,
      WorkerPool pool,
      Scratch scratch,
      ForwardPass forward,
      ChannelGradients channels,
      WeightGradients weights,
      StageRecorder recorder) {
    this.plan = plan;
    this.turn = turn;
    this.kernels = kernels;
    this.pool = pool;
    this.portions = new Portions(kernels, pool);
    this.scratch = scratch;
    this.forward = forward;
    this.channels = channels;
    this.weights = weights;
    this.recorder = recorder;
  }

  /**
   * One stage's turn; nothing if it is frozen. Its weights' gradient may still be under way when
   * this returns ({@link WeightGradients#mergeRest}).
   */
  void run(int index, int pictures) {
    int first = plan.recomputedBefore(index);
    if (first >= 0) {
      forward.again(first, index, pictures);
    }
    turn.begin(index, pictures, true);
    BoundStage stage = turn.stage();
    BackwardArgs args = stage.backward();
    if (args == null) {
      return; // frozen
    }
    recorder.beginBackward();
    products(args);
    boolean merges = weights.merges();
    StageExchange shares = turn.exchange();
    if (shares == null) {
      if (merges) {
        weights.merge();
      }
    } else {
      if (channels.has()) {
        channels.mergeOwn();
      }
      shares.beginSums();
      if (merges) {
        weights.handOut(index, pictures);
      }
      shares.awaitSums();
    }
    if (channels.has()) {
      channels.finish();
    }
    recorder.endBackward(stage.node(), pictures);
  }

  private void products(BackwardArgs args) {
    Stage what = args.stage();
    if (turn.stage().node().joins()) {
      pool.run(turn.own().forwards(), sumTask);
      return;
    }
    if (turn.cuts().fused()) {
      portions.run(what, packTask, turn.own().backwards(), fusedTask);
      return;
    }
    if (args.gradientOut() != null) {
      pool.run(turn.own().forwards(), sumTask);
    }
    if (args.dx() != null || what.activation().hasParameters()) {
      portions.run(what, packTask, turn.own().backwards(), dataTask);
    }
    if (what.needsInputValues()) {
      pool.run(turn.own().weights(), weightTask);
    }
  }

  /**
   * Copies the gradient of a stage's output, just before the stage's turn, to where the caller
   * wants it; false if the stage is frozen. Allocates: no part of a step.
   */
  boolean copyOutputGradient(int index, int pictures, MemorySegment target) {
    turn.begin(index, pictures, true);
    BackwardArgs args = turn.stage().backward();
    if (args == null) {
      return false;
    }
    BackwardArgs copying = copyingTo(target, args);
    Cut cut = turn.cuts().forward();
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
        args.saved(),
        args.activationTerms(),
        args.dx(),
        args.gradients(),
        args.sums(),
        args.factor(),
        args.factorGradient(),
        args.draws());
  }

  private void sumLeaf(int index, int worker) {
    Cut cut = turn.cuts().forward();
    int leaf = turn.own().forward() + index;
    kernels.sumGradient(
        turn.backward(),
        turn.from(cut, leaf),
        turn.to(cut, leaf),
        cut.part(leaf),
        cut.parts(),
        scratch.thread(worker));
    weights.progress(worker);
  }

  private void pack(int unit, int worker) {
    kernels.packBackward(turn.backward(), portions.unit(unit), scratch.packed());
  }

  private void fusedLeaf(int index, int worker) {
    Cut cut = turn.cuts().backward();
    int leaf = turn.own().backward() + portions.leaf(index, cut);
    kernels.backward(
        turn.backward(),
        leaf,
        turn.from(cut, leaf),
        turn.to(cut, leaf),
        cut.part(leaf),
        cut.parts(),
        scratch.packed(),
        scratch.thread(worker));
    weights.progress(worker);
  }

  private void dataLeaf(int index, int worker) {
    Cut cut = turn.cuts().backward();
    int leaf = turn.own().backward() + portions.leaf(index, cut);
    kernels.backwardData(
        turn.backward(),
        leaf,
        turn.from(cut, leaf),
        turn.to(cut, leaf),
        cut.part(leaf),
        cut.parts(),
        scratch.packed(),
        scratch.thread(worker));
    weights.progress(worker);
  }

  private void weightLeaf(int index, int worker) {
    Cut cut = turn.cuts().weights();
    int leaf = turn.own().weight() + index;
    kernels.backwardWeights(
        turn.backward(),
        cut.group(leaf),
        turn.from(cut, leaf),
        turn.to(cut, leaf),
        cut.part(leaf),
        cut.parts(),
        scratch.thread(worker));
    weights.progress(worker);
  }
}
