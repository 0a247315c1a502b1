package dev.nibble.engine.data;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.util.function.BooleanSupplier;

/** Fills slots with the batch of a step: a pure function of data set, seed and step. */
final class BatchFiller {
  private final Dataset dataset;
  private final Augmentation augmentation;
  private final boolean shuffle;
  private final long seed;
  private final EpochBatches batches;
  private final BatchShare share;
  private final int[] order;
  private int orderedEpoch = -1;

  BatchFiller(
      Dataset dataset,
      Augmentation augmentation,
      boolean shuffle,
      long seed,
      EpochBatches batches,
      BatchShare share) {
    this.dataset = dataset;
    this.augmentation = augmentation;
    this.shuffle = shuffle;
    this.seed = seed;
    this.batches = batches;
    this.share = share;
    this.order = new int[dataset.size()];
  }

  /** Fills a slot; false if it was told to stop on the way. */
  boolean fill(BatchSlot slot, long step, BooleanSupplier stopped) {
    int epoch = Math.toIntExact(step / batches.count());
    long stepOfEpoch = step % batches.count();
    arrange(epoch);
    int total = batches.size(stepOfEpoch);
    int first = batches.first(stepOfEpoch) + share.first(total);
    int count = share.size(total);
    int pictureBytes = slot.pictureBytes();
    for (int i = 0; i < count; i++) {
      if (stopped.getAsBoolean()) {
        return false;
      }
      int index = order[first + i];
      long offset = (long) i * pictureBytes;
      if (augmentation == Augmentation.RANDOM_RESIZED_CROP) {
        dataset.readPart(index, EpochOrder.partKey(seed, epoch, index), slot.pictures(), offset);
      } else {
        dataset.read(index, slot.pictures(), offset);
      }
      slot.labels().setAtIndex(JAVA_INT, i, dataset.label(index));
      switch (augmentation) {
        case NONE -> EpochOrder.centred(slot.crops(), 12L * i);
        case CROP_FLIP -> EpochOrder.crop(seed, epoch, index, slot.crops(), 12L * i);
        case RANDOM_RESIZED_CROP -> EpochOrder.mirror(seed, epoch, index, slot.crops(), 12L * i);
      }
    }
    boolean last = stepOfEpoch == batches.count() - 1;
    slot.describeShare(count, total, epoch, step, stepOfEpoch == 0, last);
    return true;
  }

  private void arrange(int epoch) {
    if (epoch == orderedEpoch) {
      return;
    }
    if (shuffle) {
      EpochOrder.permutation(seed, epoch, order);
    } else if (orderedEpoch < 0) {
      EpochOrder.sequence(order);
    }
    orderedEpoch = epoch;
  }
}
