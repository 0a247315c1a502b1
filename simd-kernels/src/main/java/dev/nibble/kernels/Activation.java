package dev.nibble.kernels;

/**
 * What lies between a tensor in a common buffer and the operator that reads it, and what is stored
 * of it: {@code z = normalize ? gamma * (x - mean) / sd + beta : x}, {@code a = nonlinearity(z)}.
 *
 * <p>Without batch norm the codes are those of (x - mean) / sd all the same, with the batch's mean
 * and sd standing in for beta and gamma, while the forward value stays x itself.
 *
 * @param normalize whether batch norm is applied
 * @param nonlinearity the function of each value that follows
 * @param store what is left for the backward pass
 * @param naive whether the operator reads the value restored from the codes instead of the exact
 *     one (the baseline of the paper's comparison)
 */
public record Activation(
    boolean normalize, Nonlinearity nonlinearity, StoreFormat store, boolean naive) {
  /** The tensor itself, with nothing stored. */
  public static final Activation IDENTITY = new Activation(false, false, StoreFormat.NONE, false);

  /** Checks that the combination has a meaning. */
  public Activation {
    if (naive && !store.isCodes()) {
      throw new IllegalArgumentException("Only codes can be restored in the forward pass");
    }
    if (store.isCodes() && store.keeping(nonlinearity) != store) {
      throw new IllegalArgumentException(
          "Two codes cannot tell the three sides of two edges apart, as in "
              + (nonlinearity + "; store three codes"));
    }
    if (store == StoreFormat.KEPT && (normalize || !isLinear(nonlinearity))) {
      throw new IllegalArgumentException(
          "A kept input has no batch norm and no nonlinearity before it");
    }
  }

  /** The same with a ReLU or none. */
  public Activation(boolean normalize, boolean relu, StoreFormat store, boolean naive) {
    this(normalize, relu ? Nonlinearity.relu() : Nonlinearity.identity(), store, naive);
  }

  private static boolean isLinear(Nonlinearity nonlinearity) {
    return nonlinearity instanceof Nonlinearity.Identity;
  }

  /** Whether the nonlinearity is a ReLU. */
  public boolean relu() {
    return nonlinearity instanceof Nonlinearity.Relu;
  }

  /**
   * Whether the activation is a line of a code's place on either side of {@link ChannelTable#EDGE}.
   * So it is without a nonlinearity, and behind a batch norm and a ReLU. Without a batch norm a
   * ReLU's edge may lie anywhere; codes on both sides of the mean may serve it better then.
   */
  public boolean isDirect() {
    return isLinear() || (relu() && (normalize || !store.isCodes() || store.isUniform()));
  }

  /** Whether no nonlinearity follows the batch norm. */
  public boolean isLinear() {
    return isLinear(nonlinearity);
  }

  /** Whether it has parameters of its own that are trained: batch norm's, or slopes. */
  public boolean hasParameters() {
    return normalize || nonlinearity.hasSlope();
  }

  /** Whether the kernels read the channel table: for batch norm, codes and slopes. */
  public boolean needsTable() {
    return normalize || store.isCodes() || nonlinearity.hasSlope();
  }
}
