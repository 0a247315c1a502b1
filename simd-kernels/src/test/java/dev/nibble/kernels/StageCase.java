package dev.nibble.kernels;

import dev.nibble.kernels.Operator.Resample;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Everything that a stage's two passes read, as arrays, so that each provider starts from the same
 * bytes.
 *
 * @param name the seed and the shape, for messages
 * @param stage what is computed
 * @param bounds groups of pictures; the last bound is the batch
 * @param parts parts of a group's work
 * @param fused whether both products of the backward pass are made in one
 * @param x input tensor
 * @param residual the shortcut's buffers, or null
 * @param inPlace whether y is written over the shortcut's input
 * @param outputTerms summands of the output's gradient
 * @param gradientOut where dy goes: an output term's index, or {@link #OWN}, or {@link #NOWHERE}
 * @param activationTerms summands of the activation's gradient
 * @param dx where d goes: an activation term's index, or {@link #OWN}, or {@link #NOWHERE}
 * @param factor the operator's second tensor, or null
 * @param draws the key of a dropout
 * @param skew bytes by which buffers start off the alignment of 64
 */
// Cases are read, never compared or hashed, so that arrays may stand in a record.
@SuppressWarnings("ArrayRecordComponent")
record StageCase(
    String name,
    Stage stage,
    int[] bounds,
    int parts,
    boolean fused,
    float[] x,
    float @Nullable [] table,
    float @Nullable [] weights,
    float @Nullable [] bias,
    @Nullable Tensor residual,
    boolean inPlace,
    List<Term> outputTerms,
    int gradientOut,
    List<Term> activationTerms,
    int dx,
    float @Nullable [] factor,
    long draws,
    int skew) {
  /** A buffer of its own. */
  static final int OWN = -1;

  /** No buffer. */
  static final int NOWHERE = -2;

  /** A tensor with what its activation needs. */
  record Tensor(float[] x, float @Nullable [] table) {}

  /**
   * A gradient term: a shortcut where {@code transform} is given, a slice where {@code layout} is,
   * else through a batch norm.
   */
  record Term(
      FeatureMap map,
      float[] gradient,
      @Nullable Resample transform,
      @Nullable Layout layout,
      StoreFormat format,
      float @Nullable [] table,
      byte @Nullable [] store) {}

  int batch() {
    return bounds[bounds.length - 1];
  }

  int groups() {
    return bounds.length - 1;
  }

  /** How the forward pass, and the pass for the input's gradient, is cut. */
  Cut cut() {
    return new Cut(groups(), parts);
  }

  /** The leaves whose gradients of the weights are merged. */
  Cut weightCut() {
    return new Cut(fused ? groups() * parts : groups(), 1);
  }

  /** Whether the stage has a backward pass: it stores what that pass needs. */
  boolean trains() {
    Activation a = stage.activation();
    return a.store() != StoreFormat.NONE
        || !(a.normalize() || !a.isLinear() || stage.needsInputValues());
  }

  @Override
  public String toString() {
    return name;
  }
}
