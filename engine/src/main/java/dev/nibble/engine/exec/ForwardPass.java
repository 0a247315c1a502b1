package dev.nibble.engine.exec;

import dev.nibble.engine.exec.BoundStage.BoundTable;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Kernels;
import java.util.List;

/** The walk down the stages: each reads its input and writes its output. */
final class ForwardPass {
  private final List<BoundStage> stages;
  private final StageTurn turn;
  private final Kernels kernels;
  private final Portions portions;
  private final Scratch scratch;
  private final BatchStatistics statistics;
  private final WeightGradients underWay;
  private final StageRecorder recorder;

  private final WorkerPool.Task packTask = this::pack;
  private final WorkerPool.Task leafTask = this::leaf;

  private ForwardArgs args;

  /**
   * The pass of a session.
   *
   * @param underWay what other workers are handed while a stage is computed once more
   */
  ForwardPass(
      List<BoundStage> stages,
      StageTurn turn,
      Kernels kernels,
      WorkerPool pool,
      Scratch scratch,
      BatchStatistics statistics,
      WeightGradients underWay,
      StageRecorder recorder) {
    this.stages = stages;
    this.turn = turn;
    this.kernels = kernels;
    this.portions = new Portions(kernels, pool);
    this.scratch = scratch;
    this.statistics = statistics;
    this.underWay = underWay;
    this.recorder = recorder;
    this.args = stages.getFirst().infer();
  }

  /** Computes all stages, in training with the batch's own statistics. */
  void run(int pictures, boolean trains) {
    for (int i = 0; i < stages.size(); i++) {
      turn.begin(i, pictures, trains);
      recorder.beginForward(trains);
      BoundStage stage = turn.stage();
      if (!stage.node().joins()) {
        compute(stage, trains);
      } else if (trains) {
        statistics.join();
      }
      recorder.endForward(stage.node(), pictures);
    }
  }

  private void compute(BoundStage stage, boolean trains) {
    BoundTable table = stage.inputTable();
    if (table != null && (!trains || stage.running())) {
      statistics.fillInput(table);
    }
    leaves(trains ? stage.train() : stage.infer());
    if (trains && args.stage().statistics()) {
      statistics.finish();
    }
  }

  /**
   * Computes stages once more: what they read, batch norm's tables and what is drawn are as they
   * were, so are the results; statistics are not merged again.
   */
  void again(int first, int last, int pictures) {
    for (int i = first; i <= last; i++) {
      ForwardArgs again = stages.get(i).again();
      if (again == null) {
        continue; // a concatenation, whose slices are computed
      }
      turn.begin(i, pictures, true);
      recorder.beginForward(true);
      leaves(again);
      recorder.endForward(turn.stage().node(), pictures);
    }
  }

  private void leaves(ForwardArgs of) {
    args = of;
    portions.run(of.stage(), packTask, turn.own().forwards(), leafTask);
  }

  private void pack(int unit, int worker) {
    kernels.packForward(args, portions.unit(unit), scratch.packed());
  }

  private void leaf(int index, int worker) {
    Cut cut = turn.cuts().forward();
    int leaf = turn.own().forward() + portions.leaf(index, cut);
    kernels.forward(
        args,
        leaf,
        turn.from(cut, leaf),
        turn.to(cut, leaf),
        cut.part(leaf),
        cut.parts(),
        scratch.packed(),
        scratch.thread(worker));
    underWay.progress(worker);
  }
}
