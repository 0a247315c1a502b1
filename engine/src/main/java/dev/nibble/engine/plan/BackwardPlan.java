package dev.nibble.engine.plan;

import dev.nibble.engine.plan.StageGraph.Tensor;
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
 * @param factorGradient where the gradient of its second tensor is left, or null
 */
public record BackwardPlan(
    List<Term> outputTerms,
    @Nullable Buffer gradientOut,
    List<Term> activationTerms,
    @Nullable Buffer dx,
    @Nullable Buffer factorGradient) {
  /** The plan of a stage that has no backward pass. */
  static final BackwardPlan NONE = new BackwardPlan(List.of(), null, List.of(), null, null);

  /**
   * A summand of a gradient.
   *
   * @param buffer where it lies
   * @param transform the shortcut it comes back through, or null
   * @param view the batch norm it comes back through, or null
   * @param slice the slice of a concatenation whose part of the buffer it is, or null
   */
  public record Term(
      Buffer buffer, @Nullable Resample transform, @Nullable View view, @Nullable Tensor slice) {
    boolean isPlain() {
      return transform != null && transform.isIdentity();
    }

    /** Whether each value of the gradient is made of the value in its place. */
    boolean isAligned() {
      return isPlain() || view != null;
    }
  }
}
