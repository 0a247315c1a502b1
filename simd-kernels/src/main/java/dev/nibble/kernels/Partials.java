package dev.nibble.kernels;

/**
 * Layout of the partial sums that each leaf of a {@link Cut} leaves in a region of its own.
 *
 * <p>Statistics of an output with C channels: three rows of C doubles, the number of values, sum(y
 * - shift), sum((y - shift)^2), then C floats of shift, the leaf's first value. A channel that a
 * leaf does not make counts 0. Weights: the weights' floats, then the bias's. Sums: C doubles of
 * sum(d), then C doubles of sum(d * hat~), over the input's channels, then, of a function with
 * slopes, C doubles of sum(da * min(z~, 0)).
 */
public final class Partials {
  private Partials() {}

  private static long up(long bytes, int alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
  }

  /** Bytes that one leaf's statistics take, a multiple of 64. */
  public static long statisticsBytes(int channels) {
    return up(28L * channels, 64);
  }

  /** Byte offset of the sums, behind the counts. */
  public static long statisticsSums(int channels) {
    return 8L * channels;
  }

  /** Byte offset of the sums of squares. */
  public static long statisticsSquares(int channels) {
    return 16L * channels;
  }

  /** Byte offset of the shifts. */
  public static long statisticsShifts(int channels) {
    return 24L * channels;
  }

  /** Values of a stage's weights and bias. */
  public static int weightValues(Stage stage) {
    return stage.operator().weights() + (stage.hasBias() ? stage.output().channels() : 0);
  }

  /** Bytes that one leaf's gradient of weights and bias takes, a multiple of 64. */
  public static long weightBytes(Stage stage) {
    return up(4L * weightValues(stage), 64);
  }

  /** Byte offset of the bias's gradient. */
  public static long bias(Stage stage) {
    return 4L * stage.operator().weights();
  }

  /** Bytes that one leaf's sums take, a multiple of 64. */
  public static long sumBytes(Stage stage) {
    return up(8L * sumRows(stage) * stage.input().channels(), 64);
  }

  /** Rows of C doubles of one leaf's sums. */
  public static int sumRows(Stage stage) {
    return stage.activation().nonlinearity().hasSlope() ? 3 : 2;
  }

  /** Byte offset of sum(d * hat~), behind sum(d). */
  public static long hats(Stage stage) {
    return 8L * stage.input().channels();
  }

  /** Byte offset of sum(da * min(z~, 0)), behind sum(d * hat~). */
  public static long slopes(Stage stage) {
    return 16L * stage.input().channels();
  }
}
