package dev.nibble.kernels;

/**
 * A convolution's stage on the CPU without its products, for a table that makes those elsewhere:
 * what comes before them (batch norm, ReLU, codes) and after (bias, shortcut, mask, sums).
 *
 * <p>A pass is {@code start...}, then each picture's calls. All of them share one scratch of {@link
 * #scratchFloats}, in which whole pictures travel: {@link #loadActivation} leaves one at {@link
 * #activationAt}, {@link #storeOutput} takes the product from {@link #productAt}. A picture's load
 * may come before an earlier picture's store; loads and stores come each in the order of the
 * pictures. Arguments are those of {@link Kernels#forward} and {@link Kernels#backward}; {@code
 * start...} checks them.
 */
public interface ProductOffload {
  /** Floats of scratch that a pass needs, the larger of both directions. */
  int scratchFloats(Stage stage);

  /** Index in scratch of the activation's first pixel; C_in floats a pixel, pixels contiguous. */
  int activationAt(Stage stage);

  /** Index in scratch of the restored activation, which lies like the activation. */
  int restoredAt(Stage stage);

  /** Floats from a row of the activation, or of the restored one, to the next. */
  int activationRow(Stage stage);

  /** Index in scratch of the forward product's first pixel, rows contiguous. */
  int productAt(Stage stage);

  /** Floats from a pixel of the forward product to the next, at least C_out. */
  int productPixel(Stage stage);

  /** Index in scratch of the output's gradient; C_out floats a pixel, pixels contiguous. */
  int gradientAt(Stage stage);

  /** Floats from a row of the output's gradient to the next. */
  int gradientRow(Stage stage);

  /** Index in scratch of the product for the input's gradient, rows contiguous. */
  int dataAt(Stage stage);

  /** Floats from a pixel of the product for the input's gradient to the next, at least C_in. */
  int dataPixel(Stage stage);

  /** Begins a group's forward pass: checks the arguments, clears its sums. */
  void startForward(ForwardArgs args, int region, int from, int to, float[] scratch);

  /** Leaves what the operator reads at {@link #activationAt}, and the picture's stored copy. */
  void loadActivation(ForwardArgs args, int picture, float[] scratch);

  /**
   * Adds bias and shortcut to the product at {@link #productAt}, writes the picture's output and
   * adds to the region's sums.
   *
   * @param first whether it is the group's first picture
   */
  void storeOutput(ForwardArgs args, int region, int picture, boolean first, float[] scratch);

  /** Begins a group's backward pass: checks the arguments, clears what is summed in scratch. */
  void startBackward(BackwardArgs args, int from, int to, float[] scratch);

  /** Clears a region of sums: it counts as nothing. */
  void clearSums(BackwardArgs args, int region);

  /**
   * Leaves dy at {@link #gradientAt}, and in its buffer.
   *
   * @param summed whether the buffer holds it already
   * @param bias whether to add it to the bias's gradient
   */
  void loadGradient(BackwardArgs args, boolean summed, int picture, boolean bias, float[] scratch);

  /** Leaves the restored activation at {@link #restoredAt}. */
  void restoreActivation(BackwardArgs args, int picture, float[] scratch);

  /**
   * Adds the activation's other terms to the product at {@link #dataAt}, masks it, writes d and
   * adds to the region's sums.
   */
  void storeGradient(BackwardArgs args, int region, int picture, float[] scratch);

  /** Writes the gradient of the bias to its region. The weights' part is not touched. */
  void storeBias(BackwardArgs args, int region, float[] scratch);
}
