package dev.nibble.engine.exec;

import dev.nibble.engine.plan.Division;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StageCuts;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Cut;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The stage whose turn it is, and what its passes cover. The calling thread changes it, and the
 * workers read it only between the start and the end of a {@link WorkerPool#run}.
 */
final class StageTurn {
  private final ExecutionPlan plan;
  private final Division division;
  private final List<BoundStage> stages;
  private final @Nullable SharedBatch shared;
  private final List<Leaves> leaves = new ArrayList<>();

  private BoundStage stage;
  private StageCuts cuts;
  private Leaves own;
  private @Nullable StageExchange exchange;
  private int pictures;
  private int base;
  private int normalized;
  private boolean training;

  /** The leaves that this worker runs of a stage's passes. */
  record Leaves(int forward, int forwards, int backward, int backwards, int weight, int weights) {
    private static Leaves of(Division division, StageCuts cuts) {
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

  /**
   * The turn of the first stage.
   *
   * @param shared what is exchanged with other workers, or null
   */
  StageTurn(ExecutionPlan plan, List<BoundStage> stages, @Nullable SharedBatch shared) {
    this.plan = plan;
    this.division = plan.division();
    this.stages = stages;
    this.shared = shared;
    for (int i = 0; i < stages.size(); i++) {
      leaves.add(Leaves.of(division, plan.cuts(i)));
    }
    this.stage = stages.getFirst();
    this.cuts = plan.cuts(0);
    this.own = leaves.getFirst();
  }

  /**
   * Hands the turn to a stage.
   *
   * @param total pictures in the batch, those of other workers among them
   */
  void begin(int index, int total, boolean trains) {
    stage = stages.get(index);
    cuts = plan.cuts(index);
    own = leaves.get(index);
    exchange = shared == null ? null : shared.stage(index);
    pictures = total;
    base = division.share().first(total);
    // With local batch norm, a worker's own pictures are all that its statistics are of.
    normalized = division.workers().localNorm() ? division.share().size(total) : total;
    training = trains;
  }

  BoundStage stage() {
    return stage;
  }

  StageCuts cuts() {
    return cuts;
  }

  Leaves own() {
    return own;
  }

  /** What the stage exchanges with other workers; null where there are none. */
  @Nullable StageExchange exchange() {
    return exchange;
  }

  /** The same where there are others. */
  StageExchange shares() {
    return Objects.requireNonNull(exchange);
  }

  boolean trains() {
    return training;
  }

  /** Pictures in the batch, those of other workers among them. */
  int pictures() {
    return pictures;
  }

  /** Pictures that batch norm's statistics are of. */
  int normalized() {
    return normalized;
  }

  /** The first picture of a leaf, counted from this worker's first. */
  int from(Cut cut, int leaf) {
    return cut.from(leaf, pictures) - base;
  }

  /** The end of a leaf's pictures, counted likewise. */
  int to(Cut cut, int leaf) {
    return cut.to(leaf, pictures) - base;
  }

  /** What the backward pass of a stage that is not frozen reads and writes. */
  BackwardArgs backward() {
    return Objects.requireNonNull(stage.backward());
  }

  /** Channels of the stage's output. */
  int outputChannels() {
    return stage.node().output().map().channels();
  }
}
