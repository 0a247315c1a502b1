package dev.nibble.engine.data.loading;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.Augmentation.Placement;
import dev.nibble.engine.data.random.EpochOrder;
import dev.nibble.engine.data.random.SplitMix64;
import java.lang.foreign.MemorySegment;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Fills slots with the batch of a step: a pure function of data set, seed and step. */
final class BatchFiller {
  /** Sets the draws of changes apart from those of the picture's part. */
  private static final long CHANGES = 1L << 32;

  private final Dataset dataset;
  private final Augmentation augmentation;
  private final boolean shuffle;
  private final long seed;
  private final EpochBatches batches;
  private final BatchShare share;
  private final int[] order;
  private final byte[] pixels;
  private final @Nullable BatchMixer mixer;
  private final BatchMixer.Source source = this::fillPlace;
  private int orderedEpoch = -1;

  // The batch at hand.
  private int epoch;
  private int first;

  BatchFiller(
      Dataset dataset,
      Augmentation augmentation,
      boolean shuffle,
      long seed,
      EpochBatches batches,
      BatchShare share,
      Mixing mixing) {
    this.dataset = dataset;
    this.augmentation = augmentation;
    this.shuffle = shuffle;
    this.seed = seed;
    this.batches = batches;
    this.share = share;
    this.order = new int[dataset.size()];
    this.pixels = new byte[augmentation.changesPixels() ? dataset.pictureBytes() : 0];
    this.mixer = mixing.isOn() ? new BatchMixer(mixing, seed, dataset) : null;
  }

  /** Fills a slot; false if it was told to stop on the way. */
  boolean fill(BatchSlot slot, long step, BooleanSupplier stopped) {
    epoch = Math.toIntExact(step / batches.count());
    long stepOfEpoch = step % batches.count();
    arrange(epoch);
    int total = batches.size(stepOfEpoch);
    first = batches.first(stepOfEpoch);
    int own = share.first(total);
    int count = share.size(total);
    int pictureBytes = slot.pictureBytes();
    MemorySegment targets = slot.targets();
    long targetBytes = targets == null ? 0 : targets.byteSize() / slot.capacity();
    for (int i = 0; i < count; i++) {
      if (stopped.getAsBoolean()) {
        return false;
      }
      int index = order[first + own + i];
      read(index, slot.pictures(), (long) i * pictureBytes);
      slot.labels().setAtIndex(JAVA_INT, i, dataset.label(index));
      if (targets != null) {
        dataset.targets(index, targets, i * targetBytes);
      }
      switch (augmentation.placement()) {
        case CENTRE -> EpochOrder.centred(slot.crops(), 12L * i);
        case CROP_FLIP -> EpochOrder.crop(seed, epoch, index, slot.crops(), 12L * i);
        case RANDOM_RESIZED_CROP -> EpochOrder.mirror(seed, epoch, index, slot.crops(), 12L * i);
      }
    }
    if (mixer != null && targets != null) {
      mixer.mix(slot.pictures(), targets, slot.crops(), own, count, total, step, source);
    }
    boolean last = stepOfEpoch == batches.count() - 1;
    slot.describeShare(count, total, epoch, step, stepOfEpoch == 0, last);
    return true;
  }

  private void read(int index, MemorySegment pictures, long offset) {
    if (augmentation.placement() == Placement.RANDOM_RESIZED_CROP) {
      dataset.readPart(index, EpochOrder.partKey(seed, epoch, index), pictures, offset);
    } else {
      dataset.read(index, pictures, offset);
    }
    if (pixels.length > 0) {
      change(pictures, offset, EpochOrder.partKey(seed, epoch, index));
    }
  }

  /** A {@link BatchMixer.Source}. */
  private void fillPlace(int place, MemorySegment picture, MemorySegment targets) {
    int index = order[first + place];
    read(index, picture, 0);
    dataset.targets(index, targets, 0);
  }

  private void change(MemorySegment pictures, long offset, long key) {
    MemorySegment.copy(pictures, JAVA_BYTE, offset, pixels, 0, pixels.length);
    augmentation.change(
        pixels,
        dataset.height(),
        dataset.width(),
        dataset.channels(),
        SplitMix64.key(key, CHANGES));
    MemorySegment.copy(pixels, 0, pictures, JAVA_BYTE, offset, pixels.length);
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
