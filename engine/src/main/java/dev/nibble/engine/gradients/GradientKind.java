package dev.nibble.engine.gradients;

/** What a gradient is of. */
public enum GradientKind {
  /** Weights of a convolution or a dense layer, or the scale of a group norm. */
  WEIGHT,
  /** Its bias, or shift. */
  BIAS,
  /** The scale of the batch norm before it. */
  GAMMA,
  /** The shift of that batch norm. */
  BETA,
  /**
   * The tensor that the layer reads, before its batch norm; where others read the tensor too, the
   * sum over all of them.
   */
  INPUT
}
