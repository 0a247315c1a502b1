package dev.nibble.engine.gradients;

import java.util.Map;

/**
 * The figures of one layer.
 *
 * @param name its name
 * @param depth layers that come before it in the order of the forward pass
 * @param errors by what the gradient is of, as far as the layer has it
 * @param naive the same of the naive way at equal bits, or empty if it was not asked for
 * @param noise how much the exact gradient of its weights differs between two batches, relative:
 *     the yardstick of the errors. NaN without weights, and of a single batch
 */
public record LayerGradients(
    String name,
    int depth,
    Map<GradientKind, GradientError> errors,
    Map<GradientKind, GradientError> naive,
    double noise) {
  /** Copies the maps. */
  public LayerGradients {
    errors = Map.copyOf(errors);
    naive = Map.copyOf(naive);
  }
}
