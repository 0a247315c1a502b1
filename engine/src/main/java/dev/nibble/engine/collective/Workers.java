package dev.nibble.engine.collective;

import dev.nibble.kernels.Cut;

/**
 * The workers that share every batch of a training run, and which one this is.
 *
 * @param rank this one, 0 to {@code count} - 1
 * @param count workers
 * @param shards workers that every stage's passes are cut for at least; part of what a run's bytes
 *     depend on, where {@code count} is not. Large weights then have as many partial gradients
 * @param localNorm whether batch norm takes its statistics from a worker's own pictures, so that
 *     nothing waits for them; the bytes then depend on {@code count}
 */
public record Workers(int rank, int count, int shards, boolean localNorm) {
  /** One that computes all. */
  public static final Workers ONE = new Workers(0, 1, 1, false);

  /** Workers at most: no pass has more groups. */
  public static final int MOST = Cut.LEAVES;

  /** Checks the numbers. */
  public Workers {
    if (count < 1 || rank < 0 || rank >= count) {
      throw new IllegalArgumentException(
          "Workers are counted from 0: there is no worker %d of %d".formatted(rank, count));
    }
    if (count > MOST || shards < 1 || shards > MOST) {
      throw new IllegalArgumentException(
          "A batch is cut into at most %d shards: take 1 to %d workers, and shards"
              .formatted(MOST, MOST));
    }
  }

  /** The same, as one of so many. */
  public Workers as(int worker, int workers) {
    return new Workers(worker, workers, shards, localNorm);
  }
}
