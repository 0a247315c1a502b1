package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.EpochBatches.Rest;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Fills batch slots ahead of the trainer on a thread of its own, in the order of the steps.
 *
 * <p>What a step's batch holds depends on data set, batch size, seed and step only: not on the
 * number of slots, not on timing, not on where a run was resumed. In the steady state nothing is
 * allocated on or off the heap for data sets that are not decoded. One thread takes and releases.
 */
public final class PrefetchingDataLoader implements DataLoader {
  /** As {@code endStep}: goes on until it is closed. */
  public static final long UNBOUNDED = Long.MAX_VALUE;

  private final Dataset dataset;
  private final BatchQueue queue;
  private final BatchFiller filler;
  private final Thread thread;
  private final long stepsPerEpoch;

  /**
   * Starts loading.
   *
   * @param dataset what to load; stays open while the loader is, and belongs to the caller
   * @param batch pictures a step
   * @param augmentation how pictures are varied
   * @param shuffle whether each epoch has an order of its own
   * @param seed what order and augmentation are drawn from
   * @param slots at least one slot of this batch size and picture size; two let loading overlap
   * @param startStep first step to deliver, counted over all epochs: 0, or where a run resumes
   * @param endStep step to end before, or {@link #UNBOUNDED}
   * @param dropLast whether an epoch's last batch is dropped if it is not full; else it is
   *     delivered with its count
   * @throws DataException if the batch is larger than the data set and {@code dropLast} is set
   * @throws IllegalArgumentException if the batch, the slots or the steps do not fit
   */
  public PrefetchingDataLoader(
      Dataset dataset,
      int batch,
      Augmentation augmentation,
      boolean shuffle,
      long seed,
      List<BatchSlot> slots,
      long startStep,
      long endStep,
      boolean dropLast) {
    this(
        dataset,
        batch,
        augmentation,
        shuffle,
        seed,
        slots,
        startStep,
        endStep,
        new EpochBatches(dataset.size(), batch, dropLast ? Rest.DROPPED : Rest.KEPT),
        BatchShare.WHOLE,
        Mixing.NONE);
  }

  private PrefetchingDataLoader(
      Dataset dataset,
      int batch,
      Augmentation augmentation,
      boolean shuffle,
      long seed,
      List<BatchSlot> slots,
      long startStep,
      long endStep,
      EpochBatches batches,
      BatchShare share,
      Mixing mixing) {
    this.stepsPerEpoch = batches.count();
    checkSlots(dataset, share.most(batch), slots, mixing);
    if (startStep < 0 || endStep < startStep) {
      throw new IllegalArgumentException(
          "Steps must be 0 <= start <= end, not " + startStep + " and " + endStep);
    }
    this.dataset = dataset;
    this.queue = new BatchQueue(slots);
    this.filler = new BatchFiller(dataset, augmentation, shuffle, seed, batches, share, mixing);
    this.thread =
        Thread.ofPlatform()
            .daemon()
            .name("nibble-data-loader")
            .unstarted(() -> load(startStep, endStep));
    thread.start();
  }

  /**
   * Starts loading for training: every epoch has every picture once, and its last batch what is
   * left. If that were a single picture, which batch norm cannot learn from, the batch before is
   * one shorter and the last one holds two.
   *
   * @param dataset what to load; stays open while the loader is, and belongs to the caller
   * @param batch pictures a step, at most as many as the data set has
   * @throws DataException if the batch is larger than the data set
   * @throws IllegalArgumentException if the batch, the slots or the steps do not fit
   */
  public static PrefetchingDataLoader forTraining(
      Dataset dataset,
      int batch,
      Augmentation augmentation,
      boolean shuffle,
      long seed,
      List<BatchSlot> slots,
      long startStep,
      long endStep) {
    return forTraining(
        dataset,
        batch,
        augmentation,
        shuffle,
        seed,
        slots,
        startStep,
        endStep,
        BatchShare.WHOLE,
        Mixing.NONE);
  }

  /**
   * As the other, but loads only a worker's share of every batch, and may mix its pictures.
   *
   * @throws IllegalArgumentException if pictures are to be mixed and a slot has no targets
   */
  public static PrefetchingDataLoader forTraining(
      Dataset dataset,
      int batch,
      Augmentation augmentation,
      boolean shuffle,
      long seed,
      List<BatchSlot> slots,
      long startStep,
      long endStep,
      BatchShare share,
      Mixing mixing) {
    DataLoader.checkBatch(dataset.size(), batch);
    return new PrefetchingDataLoader(
        dataset,
        batch,
        augmentation,
        shuffle,
        seed,
        slots,
        startStep,
        endStep,
        new EpochBatches(dataset.size(), batch, Rest.KEPT_TOGETHER),
        share,
        mixing);
  }

  /** Starts one pass over a worker's share of the batches, as {@link DataLoader#forEvaluation}. */
  public static PrefetchingDataLoader forEvaluation(
      Dataset dataset, int batch, List<BatchSlot> slots, BatchShare share) {
    EpochBatches batches = new EpochBatches(dataset.size(), batch, Rest.KEPT);
    return new PrefetchingDataLoader(
        dataset,
        batch,
        Augmentation.NONE,
        false,
        0,
        slots,
        0,
        batches.count(),
        batches,
        share,
        Mixing.NONE);
  }

  private static void checkSlots(Dataset dataset, int batch, List<BatchSlot> slots, Mixing mixing) {
    if (slots.isEmpty()) {
      throw new IllegalArgumentException("A data loader needs at least one slot");
    }
    for (BatchSlot slot : slots) {
      MemorySegment targets = slot.targets();
      if (mixing.isOn() && targets == null) {
        throw new IllegalArgumentException("Pictures are mixed in slots that have targets only");
      }
      if (targets != null
          && targets.byteSize() != 4L * slot.capacity() * dataset.classNames().size()) {
        throw new IllegalArgumentException(
            "A slot's targets do not fit data of %d classes"
                .formatted(dataset.classNames().size()));
      }
      if (slot.capacity() < batch || slot.pictureBytes() != dataset.pictureBytes()) {
        throw new IllegalArgumentException(
            "A slot of %d pictures of %d bytes does not fit batches of %d pictures of %d bytes"
                .formatted(slot.capacity(), slot.pictureBytes(), batch, dataset.pictureBytes()));
      }
    }
  }

  private void load(long startStep, long endStep) {
    BooleanSupplier stopped = queue::isClosed;
    try {
      for (long step = startStep; step < endStep; step++) {
        BatchSlot slot = queue.takeFree();
        if (slot == null || !filler.fill(slot, step, stopped)) {
          return;
        }
        queue.putReady(slot);
      }
      queue.finish(null);
    } catch (Throwable e) {
      // Whatever ends this thread, an Error too, must reach the trainer that waits for its batches.
      queue.finish(e);
    }
  }

  /**
   * Waits for the next step's batch.
   *
   * @throws DataException if loading failed: after all batches before the failure were delivered
   * @throws IllegalStateException if the loader is closed
   */
  @Override
  public @Nullable BatchSlot take() {
    return queue.takeReady();
  }

  /**
   * Gives a batch back, to be filled anew.
   *
   * @throws IllegalArgumentException if it was not taken from this loader, or already given back
   */
  @Override
  public void release(BatchSlot slot) {
    queue.release(slot);
  }

  @Override
  public long waitNanos() {
    return queue.waitNanos();
  }

  /** Steps of one epoch. */
  public long stepsPerEpoch() {
    return stepsPerEpoch;
  }

  /** The data set that is loaded. */
  public Dataset dataset() {
    return dataset;
  }

  /**
   * Stops the thread and waits for its end; afterwards the slots' memory is not touched any more.
   */
  @Override
  public void close() {
    // Not by an interrupt: that would close the files which the thread reads, for everyone.
    queue.close();
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        // The slots' memory may be freed after this: returning before the thread ends is no choice.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
