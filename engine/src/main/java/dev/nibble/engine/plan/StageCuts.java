package dev.nibble.engine.plan;

import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.util.List;

/**
 * How a stage's passes are cut into leaves, and what these leave in partial sums.
 *
 * @param forward the forward pass
 * @param backward the pass for the input's gradient; with {@code fused} the whole backward pass
 * @param weights the pass for the weights' gradient
 * @param fused whether both products of the backward pass are made in one
 */
public record StageCuts(Cut forward, Cut backward, Cut weights, boolean fused) {
  static StageCuts of(Stage stage, int batch, int shards) {
    return new StageCuts(
        Cut.forward(stage, batch, shards),
        Cut.backward(stage, batch, shards),
        Cut.weights(stage, batch, shards),
        Cut.isFused(stage, batch, shards));
  }

  /** All passes. */
  List<Cut> all() {
    return List.of(forward, backward, weights);
  }

  /** Whether the weights' gradient is written to its place at once, with nothing to merge. */
  public boolean writesWeights() {
    return weights.groups() == 1;
  }

  /** Bytes of the partial statistics that a training step's forward pass leaves. */
  long statisticsBytes(Stage stage) {
    return stage.statistics()
        ? forward.leaves() * Partials.statisticsBytes(stage.output().channels())
        : 0;
  }

  /** Bytes of the partial gradients of the weights. */
  long gradientBytes(Stage stage) {
    boolean merged = stage.operator().weights() > 0 && !writesWeights();
    return merged ? weights.groups() * Partials.weightBytes(stage) : 0;
  }

  /** Bytes of the partial sums of the backward pass. */
  long sumBytes(Stage stage) {
    return backward.leaves() * Partials.sumBytes(stage);
  }
}
