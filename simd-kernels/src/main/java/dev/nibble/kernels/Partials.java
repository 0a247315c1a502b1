package dev.nibble.kernels;

/**
 * Layout of the partial sums that each shard of pictures leaves, to be merged in shard order.
 *
 * <p>Statistics of an output with C channels: C floats of shift (the shard's first pixel), then C
 * doubles of sum(y - shift), then C doubles of sum((y - shift)^2). Gradients: the weights' floats,
 * the bias's floats, then C doubles of sum(d) and C doubles of sum(d * hat~) over the input's
 * channels.
 */
public final class Partials {
  private Partials() {}

  private static long up(long bytes, int alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
  }

  /** Bytes that one shard's statistics take, a multiple of 64. */
  public static long statisticsBytes(int channels) {
    return up(statisticsSquares(channels) + 8L * channels, 64);
  }

  /** Byte offset of the sums. */
  public static long statisticsSums(int channels) {
    return up(4L * channels, 8);
  }

  /** Byte offset of the sums of squares. */
  public static long statisticsSquares(int channels) {
    return statisticsSums(channels) + 8L * channels;
  }

  /** Bytes that one shard's gradients take, a multiple of 64. */
  public static long gradientBytes(Stage stage) {
    return up(gradientHats(stage) + 8L * stage.input().channels(), 64);
  }

  /** Byte offset of the bias's gradient. */
  public static long gradientBias(Stage stage) {
    return 4L * stage.operator().weights();
  }

  /** Byte offset of sum(d). */
  public static long gradientSums(Stage stage) {
    int bias = stage.hasBias() ? stage.output().channels() : 0;
    return up(gradientBias(stage) + 4L * bias, 8);
  }

  /** Byte offset of sum(d * hat~). */
  public static long gradientHats(Stage stage) {
    return gradientSums(stage) + 8L * stage.input().channels();
  }
}
