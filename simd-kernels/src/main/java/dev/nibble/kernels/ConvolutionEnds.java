package dev.nibble.kernels;

/**
 * A convolution's stage on the CPU without its products, for a table that makes those elsewhere:
 * what comes before them (batch norm, ReLU, codes) and after (bias, shortcut, mask, sums).
 *
 * <p>A shard's pass is {@code start...}, then each picture's calls, then, backward, {@link
 * #endBackward}. All of them share one scratch of {@link Kernels#scratchFloats}, in which pictures
 * travel: {@link #loadActivation} leaves one at {@link #activationAt}, {@link #storeOutput} takes
 * the product from {@link #productAt}. A picture's load may come before an earlier picture's store;
 * loads and stores come each in the order of the pictures. Arguments are those of {@link
 * Kernels#forward} and {@link Kernels#backward}; {@code start...} checks them.
 */
public interface ConvolutionEnds {
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

  /** Begins a shard's forward pass: checks the arguments, clears its sums. */
  void startForward(ForwardArgs args, int shard, int from, int to, float[] scratch);

  /** Leaves what the operator reads at {@link #activationAt}, and the picture's stored copy. */
  void loadActivation(ForwardArgs args, int picture, float[] scratch);

  /**
   * Adds bias and shortcut to the product at {@link #productAt}, writes the picture's output and
   * adds to the shard's sums.
   *
   * @param first whether it is the shard's first picture
   */
  void storeOutput(ForwardArgs args, int shard, int picture, boolean first, float[] scratch);

  /** Begins a shard's backward pass: checks the arguments, clears its partial sums. */
  void startBackward(BackwardArgs args, int shard, int from, int to, float[] scratch);

  /** Leaves dy at {@link #gradientAt}, and in its buffer, and adds to the bias's gradient. */
  void loadGradient(BackwardArgs args, int shard, int picture, float[] scratch);

  /** Leaves the restored activation at {@link #restoredAt}. */
  void restoreActivation(BackwardArgs args, int picture, float[] scratch);

  /**
   * Adds the activation's other terms to the product at {@link #dataAt}, masks it, writes d and
   * adds to the shard's sums.
   */
  void storeGradient(BackwardArgs args, int shard, int picture, float[] scratch);

  /** Ends a shard's backward pass: its gradient of the bias. The weights' part is not touched. */
  void endBackward(BackwardArgs args, int shard, float[] scratch);
}
