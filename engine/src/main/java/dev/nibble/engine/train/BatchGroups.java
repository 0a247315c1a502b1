package dev.nibble.engine.train;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.loading.DataLoader;

/**
 * How the loader's batches make steps. A step's batches are of one epoch, so an epoch's last step
 * may have fewer than others, as its last batch may have fewer pictures: every picture is trained
 * once an epoch.
 *
 * @param batchesPerEpoch batches of an epoch
 * @param perStep batches of a step, but for an epoch's last
 */
record BatchGroups(long batchesPerEpoch, int perStep) {
  /**
   * Counts a training set's batches.
   *
   * @throws DataException if the pictures fill no step
   */
  static BatchGroups of(int pictures, int batch, int perStep) {
    long full = DataLoader.stepsPerEpoch(pictures, batch, true);
    if (full < perStep) {
      throw new DataException(
          "A step of %d batches of %d pictures is larger than the data set of %d; accumulate at most %d."
              .formatted(perStep, batch, pictures, full));
    }
    return new BatchGroups(DataLoader.stepsPerEpoch(pictures, batch, false), perStep);
  }

  long stepsPerEpoch() {
    return Math.ceilDiv(batchesPerEpoch, perStep);
  }

  /** Batches before a step, counted over all epochs; steps count from 0. */
  long batchesBefore(long step) {
    long epoch = step / stepsPerEpoch();
    return Math.addExact(
        Math.multiplyExact(epoch, batchesPerEpoch), step % stepsPerEpoch() * perStep);
  }

  /** Batches of a step; steps count from 0. */
  int batchesOf(long step) {
    long before = step % stepsPerEpoch() * perStep;
    return (int) Math.min(perStep, batchesPerEpoch - before);
  }
}
