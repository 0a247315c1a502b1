package dev.nibble.engine.exec;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.optim.Loss;
import org.jspecify.annotations.Nullable;

/**
 * How a session runs; what it runs stands in its plan.
 *
 * @param threads threads that compute, the calling one among them
 * @param labelSmoothing the share of all classes in a training picture's target, 0 (none) up to but
 *     not including 1; evaluation takes the labels as they are
 * @param seed what dropout is drawn from, with the step's number
 * @param collective the workers that share every batch, which the caller closes; null for one
 * @param loss what training makes small
 * @param soft whether training is given targets (a number an output) where the loss could do with
 *     labels
 */
public record SessionOptions(
    int threads,
    double labelSmoothing,
    long seed,
    @Nullable Collective collective,
    Loss loss,
    boolean soft) {
  /** For one worker. */
  public SessionOptions(int threads, double labelSmoothing, long seed) {
    this(threads, labelSmoothing, seed, null, Loss.crossEntropy(), false);
  }

  /** Checks the numbers. */
  public SessionOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("A session has 1 to 1024 threads, not " + threads);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
      throw new IllegalArgumentException(
          "Label smoothing lies in 0 up to but not including 1, not " + labelSmoothing);
    }
  }

  /** Dropout drawn from 0. */
  public SessionOptions(int threads, double labelSmoothing) {
    this(threads, labelSmoothing, 0);
  }

  /** Without label smoothing. */
  public static SessionOptions of(int threads) {
    return new SessionOptions(threads, 0, 0);
  }

  /** The same for one of several workers. */
  public SessionOptions with(@Nullable Collective workers) {
    return new SessionOptions(threads, labelSmoothing, seed, workers, loss, soft);
  }

  /** The same with another loss. */
  public SessionOptions with(Loss other, boolean targets) {
    return new SessionOptions(threads, labelSmoothing, seed, collective, other, targets);
  }
}
