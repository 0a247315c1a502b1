package dev.nibble.engine.gradients;

import dev.nibble.kernels.StoreFormat;

/**
 * What is compared, on what.
 *
 * @param store how the activations are stored whose gradients are looked at
 * @param naive whether the naive way, which computes the forward pass on the restored activations,
 *     is looked at beside it; without effect for fp32
 * @param batch pictures of a batch; fewer where the data set has fewer
 * @param batches how many batches, of different pictures as far as there are enough
 * @param seed what the pictures are drawn from, and weights where they are drawn
 * @param threads threads that compute; the result does not depend on it
 * @param averageBits bits that a value has on average where each activation has a format of its
 *     own, of the kind of {@code store}, which is codes then; 0 for that format everywhere
 */
public record GradientOptions(
    StoreFormat store,
    boolean naive,
    int batch,
    int batches,
    long seed,
    int threads,
    double averageBits) {
  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if nothing is stored that way, or a number is below 1
   */
  public GradientOptions {
    if (store.bits() == 0) {
      throw new IllegalArgumentException(
          "Gradients are compared of fp32 or of codes, not " + store);
    }
    if (batch < 1 || batches < 1 || threads < 1) {
      throw new IllegalArgumentException(
          "Give at least 1 picture a batch, 1 batch and 1 thread, not %d, %d and %d"
              .formatted(batch, batches, threads));
    }
    if (averageBits != 0
        && !(averageBits >= StoreFormat.INT1.bits() && averageBits <= 8 && store.isCodes())) {
      throw new IllegalArgumentException(
          "Mixed activations are codes of 1.25 to 8 bits on average, such as mixed:3, not "
              + averageBits);
    }
  }

  /** One format everywhere. */
  public GradientOptions(
      StoreFormat store, boolean naive, int batch, int batches, long seed, int threads) {
    this(store, naive, batch, batches, seed, threads, 0);
  }

  /** Four batches of 128 in this format, beside the naive way, on two threads. */
  public static GradientOptions of(StoreFormat store) {
    return new GradientOptions(store, true, 128, 4, 0, 2);
  }

  /** The same with or without the naive way. */
  public GradientOptions withNaive(boolean value) {
    return new GradientOptions(store, value, batch, batches, seed, threads, averageBits);
  }

  /** The same on so many batches of so many pictures. */
  public GradientOptions withBatches(int count, int pictures) {
    return new GradientOptions(store, naive, pictures, count, seed, threads, averageBits);
  }

  /** The same on other pictures. */
  public GradientOptions withSeed(long value) {
    return new GradientOptions(store, naive, batch, batches, value, threads, averageBits);
  }

  /** The same on so many threads. */
  public GradientOptions withThreads(int count) {
    return new GradientOptions(store, naive, batch, batches, seed, count, averageBits);
  }

  /** The same with a format for each activation, so many bits on average; 0 for one format. */
  public GradientOptions withAverageBits(double bits) {
    return new GradientOptions(store, naive, batch, batches, seed, threads, bits);
  }
}
