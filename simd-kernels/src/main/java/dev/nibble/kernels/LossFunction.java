package dev.nibble.kernels;

/** What a network's outputs are held to, and how. Means are over the pictures and their outputs. */
public enum LossFunction {
  /** Softmax cross-entropy with a label a picture: 32-bit integers N. */
  CROSS_ENTROPY,

  /** Softmax cross-entropy with a share for every class: fp32 N,classes. */
  SOFT_CROSS_ENTROPY,

  /** Binary cross-entropy of the logistic function of every output, targets 0 to 1. */
  BINARY_CROSS_ENTROPY,

  /** Squared error of every output, targets any finite number. */
  SQUARED_ERROR;

  /** Whether pictures have a label each; else they have a target for every output. */
  public boolean readsLabels() {
    return this == CROSS_ENTROPY;
  }

  /** Whether outputs are classes of which a picture has one. */
  public boolean isSoftmax() {
    return this == CROSS_ENTROPY || this == SOFT_CROSS_ENTROPY;
  }
}
