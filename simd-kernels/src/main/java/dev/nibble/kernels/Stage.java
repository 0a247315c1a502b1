package dev.nibble.kernels;

import dev.nibble.kernels.Operator.Resample;
import org.jspecify.annotations.Nullable;

/**
 * One fused stage: {@code y = operator(activation(x)) + bias + residual}, with the sums that the
 * next stage's statistics need. Immutable; the same object describes the forward and the backward
 * pass.
 *
 * @param operator what is computed
 * @param activation how the input is read and stored
 * @param residual the shortcut added to the output, or null
 * @param statistics whether per-channel sums of y are accumulated for a following batch norm
 */
public record Stage(
    Operator operator, Activation activation, @Nullable Residual residual, boolean statistics) {

  /**
   * A shortcut: {@code transform(activation(r))} is added to the stage's output. The activation was
   * stored by an earlier stage, if at all, so its store says only how to restore it when naive.
   *
   * @param activation how r is read
   * @param transform pooling and zero channels, or the identity
   */
  public record Residual(Activation activation, Resample transform) {}

  /** Checks that the residual fits the output. */
  public Stage {
    if (residual != null && !residual.transform().output().equals(operator.output())) {
      throw new IllegalArgumentException(
          "A shortcut of "
              + (residual.transform().output() + " does not fit an output of ")
              + operator.output());
    }
  }

  /** Shape of one input picture. */
  public FeatureMap input() {
    return operator.input();
  }

  /** Shape of one output picture. */
  public FeatureMap output() {
    return operator.output();
  }

  /** Whether the operator adds a bias. */
  public boolean hasBias() {
    return operator instanceof Operator.Convolution c && c.bias();
  }

  /** Whether the backward pass through the operator needs its input's values. */
  public boolean needsInputValues() {
    return operator.weights() > 0;
  }
}
