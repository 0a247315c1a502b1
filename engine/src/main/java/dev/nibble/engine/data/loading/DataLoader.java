package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Delivers training batches, one a step, in the order of the steps. {@link PrefetchingDataLoader}
 * reads them from a {@link Dataset}; implement this to train on batches from anywhere else.
 *
 * <p>A loader fills the slots it was given: {@code count} pictures, labels and crops (4, 4, 0
 * leaves a picture as it is), {@linkplain BatchSlot#targets targets} where a slot has some, then
 * {@link BatchSlot#describe}. Between {@link #take} and {@link #release} a slot belongs to the
 * taker. One thread takes, releases and closes. A run can be resumed to the same bytes if what a
 * batch holds depends on its step only.
 */
public interface DataLoader extends AutoCloseable {
  /** Makes the loader of a run. */
  @FunctionalInterface
  interface Factory {
    /**
     * Opens a loader; the caller closes it.
     *
     * @param slots at least two slots of the run's batch and picture size, which the caller owns
     *     and which the loader must not touch once it is closed
     * @param startStep first step to deliver, counted over all epochs: 0, or where a run resumes
     * @param endStep step to end before
     * @throws DataException if the batches cannot be loaded
     */
    DataLoader open(List<BatchSlot> slots, long startStep, long endStep);
  }

  /**
   * Waits for the next step's batch; null after the last step. Give it back with {@link #release}.
   *
   * @throws DataException if the batch cannot be loaded
   */
  @Nullable BatchSlot take();

  /** Gives a batch back, to be filled anew. */
  void release(BatchSlot slot);

  /** Nanoseconds that {@link #take} has waited in all: how much loading held training up. */
  default long waitNanos() {
    return 0;
  }

  /** Ends loading: afterwards the slots' memory is not touched any more. Twice does nothing. */
  @Override
  void close();

  /**
   * Starts one pass over a data set in its own order, without augmentation; the last batch may have
   * a smaller count, and {@link #take} then answers null.
   *
   * @param dataset what to load; stays open while the loader is, and belongs to the caller
   * @param slots at least one slot of this batch size and picture size
   * @throws IllegalArgumentException if the batch or the slots do not fit
   */
  static PrefetchingDataLoader forEvaluation(Dataset dataset, int batch, List<BatchSlot> slots) {
    long steps = stepsPerEpoch(dataset.size(), batch, false);
    return new PrefetchingDataLoader(
        dataset, batch, Augmentation.NONE, false, 0, slots, 0, steps, false);
  }

  /**
   * Steps of one epoch.
   *
   * @param dropLast whether a last batch that is not full is dropped
   * @throws DataException if the batch is larger than the data and {@code dropLast} is set
   * @throws IllegalArgumentException if size or batch is not positive
   */
  static long stepsPerEpoch(int size, int batch, boolean dropLast) {
    if (size < 1 || batch < 1) {
      throw new IllegalArgumentException(
          "Size and batch must be positive, not " + size + " and " + batch);
    }
    if (dropLast) {
      checkBatch(size, batch);
    }
    return dropLast ? size / batch : ((long) size + batch - 1) / batch;
  }

  /**
   * Checks that a data set fills at least one batch.
   *
   * @throws DataException if the batch is larger than the data
   */
  static void checkBatch(int size, int batch) {
    if (batch > size) {
      throw new DataException(
          "A batch of %d pictures is larger than the data set of %d; use a batch of at most %d."
              .formatted(batch, size, size));
    }
  }
}
