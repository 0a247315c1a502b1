package dev.nibble.engine.plan;

import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Operator.Resample;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which buffers one stage's backward pass reads and writes.
 *
 * @param outputTerms summands of the gradient of the stage's output
 * @param gradientOut where that gradient is left for shortcuts, or null
 * @param activationTerms summands of the gradient of its activation beside its own
 * @param dx where the gradient of its input is left, or null
 */
public record BackwardPlan(
    List<Term> outputTerms,
    @Nullable Buffer gradientOut,
    List<Term> activationTerms,
    @Nullable Buffer dx) {
  /** The plan of a stage that has no backward pass. */
  static final BackwardPlan NONE = new BackwardPlan(List.of(), null, List.of(), null);

  /**
   * A summand of a gradient.
   *
   * @param buffer where it lies
   * @param transform the shortcut it comes back through, or null for a batch norm's
   * @param view the batch norm it comes back through, or null for a shortcut's
   */
  public record Term(Buffer buffer, @Nullable Resample transform, @Nullable View view) {
    boolean isPlain() {
      return transform != null && transform.isIdentity();
    }
  }
}
