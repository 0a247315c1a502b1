package dev.nibble.kernels;

import dev.nibble.kernels.Operator.Resample;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One fused stage: {@code y = operator(activation(x)) + bias + residual}, with the sums that the
 * next stage's statistics need. Immutable; the same object describes the forward and the backward
 * pass.
 *
 * <p>Not a record, because it keeps the shapes: an operator makes its output's shape anew each time
 * it is asked, and kernels ask several times a leaf.
 */
public final class Stage {
  private final Operator operator;
  private final Activation activation;
  private final @Nullable Residual residual;
  private final boolean statistics;
  private final FeatureMap input;
  private final FeatureMap output;
  private final Layout layout;

  /**
   * A shortcut: {@code transform(activation(r))} is added to the stage's output. It carries the
   * exact activation in every mode, the naive one included: what is stored of it, if anything, is
   * the concern of the stage whose operator reads it.
   *
   * @param activation how r is read; stores nothing
   * @param transform pooling and zero channels, or the identity
   */
  public record Residual(Activation activation, Resample transform) {
    /** Rejects an activation that stores. */
    public Residual {
      if (activation.store() != StoreFormat.NONE) {
        throw new IllegalArgumentException(
            "A shortcut stores nothing, so its activation's store is NONE, not "
                + activation.store());
      }
    }
  }

  /**
   * Describes a stage.
   *
   * @param operator what is computed
   * @param activation how the input is read and stored
   * @param residual the shortcut added to the output, or null
   * @param statistics whether per-channel sums of y are accumulated for a following batch norm
   * @throws IllegalArgumentException if the residual does not fit the output
   */
  public Stage(
      Operator operator, Activation activation, @Nullable Residual residual, boolean statistics) {
    this(operator, activation, residual, statistics, Layout.dense(operator.output()));
  }

  /**
   * Describes a stage whose output may be a slice of a wider tensor.
   *
   * @param layout where the output's channels lie in the pixels of its buffer
   * @throws IllegalArgumentException if the residual does not fit the output, or the output the
   *     layout
   */
  public Stage(
      Operator operator,
      Activation activation,
      @Nullable Residual residual,
      boolean statistics,
      Layout layout) {
    this.operator = operator;
    this.activation = Objects.requireNonNull(activation, "activation");
    this.residual = residual;
    this.statistics = statistics;
    this.input = operator.input();
    this.output = operator.output();
    this.layout = layout;
    layout.check(output);
    if (residual != null && !residual.transform().output().equals(output)) {
      throw new IllegalArgumentException(
          "A shortcut of "
              + (residual.transform().output() + " does not fit an output of ")
              + output);
    }
  }

  /** What is computed. */
  public Operator operator() {
    return operator;
  }

  /** How the input is read and stored. */
  public Activation activation() {
    return activation;
  }

  /** The shortcut added to the output, or null. */
  public @Nullable Residual residual() {
    return residual;
  }

  /** Whether per-channel sums of y are accumulated for a following batch norm. */
  public boolean statistics() {
    return statistics;
  }

  /** Shape of one input picture. */
  public FeatureMap input() {
    return input;
  }

  /** Shape of one output picture. */
  public FeatureMap output() {
    return output;
  }

  /** Where the output's channels lie in the pixels of its buffer. */
  public Layout layout() {
    return layout;
  }

  /** Whether the operator adds a bias. */
  public boolean hasBias() {
    return operator.bias();
  }

  /** Whether the backward pass through the operator needs its input's values. */
  public boolean needsInputValues() {
    return operator.needsInputValues();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Stage stage
        && operator.equals(stage.operator)
        && activation.equals(stage.activation)
        && Objects.equals(residual, stage.residual)
        && statistics == stage.statistics
        && layout.equals(stage.layout);
  }

  @Override
  public int hashCode() {
    return Objects.hash(operator, activation, residual, statistics, layout);
  }

  @Override
  public String toString() {
    return "Stage[%s, %s, %s, statistics=%s, %s]"
        .formatted(operator, activation, residual, statistics, layout);
  }
}
