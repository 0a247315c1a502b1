package dev.nibble.engine.plan;

/**
 * How a batch is cut into shards of pictures. The cut depends on the batch and the network only,
 * never on the number of threads, so that partial sums, merged in shard order, are the same for
 * any.
 */
public final class Shards {
  private static final int MOST = 16;
  private static final long PARTIAL_BYTES = 64L << 20;

  private Shards() {}

  /**
   * Number of shards.
   *
   * @param batch pictures that the buffers hold
   * @param gradientBytes the largest stage's partial gradients of one shard
   */
  public static int count(int batch, long gradientBytes) {
    long fit = Math.max(1, PARTIAL_BYTES / Math.max(1, gradientBytes));
    return (int) Math.min(Math.min(batch, MOST), fit);
  }

  /** Writes the first picture of every shard, and behind them the count of pictures. */
  public static void bounds(int pictures, int shards, int[] bounds) {
    for (int i = 0; i <= shards; i++) {
      bounds[i] = (int) ((long) pictures * i / shards);
    }
  }
}
