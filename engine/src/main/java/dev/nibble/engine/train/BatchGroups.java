package dev.nibble.engine.train;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataLoader;

/**
 * How the loader's batches make steps. A step's batches are of one epoch; those at an epoch's end
 * that fill no step are left out, as its last pictures are that fill no batch: {@code k} batches of
 * {@code n} see the pictures that one batch of {@code k * n} would.
 *
 * @param batchesPerEpoch full batches of an epoch
 * @param perStep batches of a step
 */
record BatchGroups(long batchesPerEpoch, int perStep) {
  /**
   * Counts a training set's batches.
   *
   * @throws DataException if the pictures fill no step
   */
  static BatchGroups of(int pictures, int batch, int perStep) {
    long batches = DataLoader.stepsPerEpoch(pictures, batch, true);
    if (batches < perStep) {
      throw new DataException(
          "A step of %d batches of %d pictures is larger than the data set of %d; accumulate at most %d."
              .formatted(perStep, batch, pictures, batches));
    }
    return new BatchGroups(batches, perStep);
  }

  long stepsPerEpoch() {
    return batchesPerEpoch / perStep;
  }

  /** Batches before a step, counted over all epochs; steps count from 0. */
  long batchesBefore(long step) {
    long epoch = step / stepsPerEpoch();
    return Math.addExact(
        Math.multiplyExact(epoch, batchesPerEpoch), step % stepsPerEpoch() * perStep);
  }

  /** Batches at the end of each epoch that no step takes. */
  long leftOut() {
    return batchesPerEpoch % perStep;
  }
}
