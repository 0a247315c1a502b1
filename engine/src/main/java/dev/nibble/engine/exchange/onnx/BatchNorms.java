package dev.nibble.engine.exchange.onnx;

/** What becomes of the batch norms in an exported network. */
public enum BatchNorms {
  /**
   * Those that alone read a convolution or dense layer go into its weights and a bias, as a
   * predictor folds them; others stay.
   */
  FOLDED,
  /** All stay. */
  KEPT
}
