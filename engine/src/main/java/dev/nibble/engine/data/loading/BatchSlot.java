package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.Dataset;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A batch in planned off-heap memory: pictures, labels and crops, filled by a {@link DataLoader}
 * and read by the trainer until it is released.
 */
public final class BatchSlot {
  private static final long ALIGNMENT = 64;

  private final int capacity;
  private final int pictureBytes;
  private final MemorySegment pictures;
  private final MemorySegment labels;
  private final MemorySegment crops;
  private final @Nullable MemorySegment targets;
  private int count;
  private int total;
  private int epoch;
  private long step;
  private boolean firstOfEpoch;
  private boolean lastOfEpoch;

  /**
   * Views memory that the caller owns and keeps alive.
   *
   * @param batch pictures the slot holds at most
   * @param pictures at least {@link #picturesBytes} bytes: uint8, batch x height x width x channels
   * @param labels at least {@link #labelsBytes} bytes, 4-byte aligned: int32, one per picture
   * @param crops at least {@link #cropsBytes} bytes, 4-byte aligned: int32, three per picture (row
   *     offset, column offset, mirrored)
   * @throws IllegalArgumentException if a segment is too small, not aligned, or on the heap
   */
  public BatchSlot(
      int batch,
      int height,
      int width,
      int channels,
      MemorySegment pictures,
      MemorySegment labels,
      MemorySegment crops) {
    this(batch, height, width, channels, pictures, labels, crops, 0, null);
  }

  /**
   * As the other, with targets.
   *
   * @param values targets a picture
   * @param targets {@code 4 * batch * values} bytes, 4-byte aligned: fp32, or null for none
   * @throws IllegalArgumentException if a segment is too small, not aligned, or on the heap
   */
  public BatchSlot(
      int batch,
      int height,
      int width,
      int channels,
      MemorySegment pictures,
      MemorySegment labels,
      MemorySegment crops,
      int values,
      @Nullable MemorySegment targets) {
    if (targets != null) {
      check("targets", targets, Math.multiplyExact(4L * batch, values), 4);
    }
    this.targets = targets == null ? null : targets.asSlice(0, 4L * batch * values);
    check("pictures", pictures, picturesBytes(batch, height, width, channels), 1);
    check("labels", labels, labelsBytes(batch), 4);
    check("crops", crops, cropsBytes(batch), 4);
    this.capacity = batch;
    this.pictureBytes = Math.multiplyExact(Math.multiplyExact(height, width), channels);
    this.pictures = pictures;
    this.labels = labels;
    this.crops = crops;
  }

  /** A slot in memory of its own, as long as the arena lives. */
  public static BatchSlot allocate(Arena arena, int batch, int height, int width, int channels) {
    return new BatchSlot(
        batch,
        height,
        width,
        channels,
        arena.allocate(picturesBytes(batch, height, width, channels), ALIGNMENT),
        arena.allocate(labelsBytes(batch), ALIGNMENT),
        arena.allocate(cropsBytes(batch), ALIGNMENT));
  }

  private static void check(String what, MemorySegment segment, long bytes, long alignment) {
    if (!segment.isNative() || segment.byteSize() < bytes || segment.address() % alignment != 0) {
      throw new IllegalArgumentException(
          "A batch's %s need %d bytes off the heap, aligned to %d, not %s"
              .formatted(what, bytes, alignment, segment));
    }
  }

  /** Bytes that the pictures of a batch need: uint8. */
  public static long picturesBytes(int batch, int height, int width, int channels) {
    return Math.multiplyExact((long) batch * height, (long) width * channels);
  }

  /** Bytes that the labels of a batch need: int32. */
  public static long labelsBytes(int batch) {
    return 4L * batch;
  }

  /** Bytes that the crops of a batch need: three int32 a picture. */
  public static long cropsBytes(int batch) {
    return 12L * batch;
  }

  /** uint8, batch x height x width x channels; the first {@link #count} pictures are valid. */
  public MemorySegment pictures() {
    return pictures;
  }

  /** int32, one per picture. */
  public MemorySegment labels() {
    return labels;
  }

  /**
   * fp32, a value for each of the network's outputs and picture, as {@link Dataset#targets} says;
   * null where the labels tell all that is needed.
   */
  public @Nullable MemorySegment targets() {
    return targets;
  }

  /**
   * What a session is given beside the pictures: the targets, or where there are none the labels.
   */
  public MemorySegment wanted() {
    return targets == null ? labels : targets;
  }

  /** int32, three per picture: row and column offset, 0 to 8 (4 is centred), and 1 if mirrored. */
  public MemorySegment crops() {
    return crops;
  }

  /** Pictures this slot holds at most. */
  public int capacity() {
    return capacity;
  }

  /** Bytes of one picture: height x width x channels. */
  public int pictureBytes() {
    return pictureBytes;
  }

  /** Valid pictures: the capacity, but for the last batch of a pass. */
  public int count() {
    return count;
  }

  /** Pictures of the whole batch: the same, unless this slot holds a worker's share of it. */
  public int total() {
    return total;
  }

  /** Epoch of this batch, from 0. */
  public int epoch() {
    return epoch;
  }

  /** Step of this batch, from 0, counted over all epochs. */
  public long step() {
    return step;
  }

  /** Whether this is an epoch's first batch. */
  public boolean firstOfEpoch() {
    return firstOfEpoch;
  }

  /** Whether this is an epoch's last batch. */
  public boolean lastOfEpoch() {
    return lastOfEpoch;
  }

  /**
   * Says what a loader has put into this slot; a {@link DataLoader} calls it before it delivers the
   * slot.
   *
   * @param newCount valid pictures, 1 to {@link #capacity}
   * @param newEpoch epoch of the batch, from 0
   * @param newStep step of the batch, from 0, counted over all epochs
   * @param first whether it is the epoch's first batch
   * @param last whether it is the epoch's last batch, after which the trainer evaluates
   * @throws IllegalArgumentException if the count does not fit, or epoch or step is negative
   */
  public void describe(int newCount, int newEpoch, long newStep, boolean first, boolean last) {
    if (newCount < 1 || newCount > capacity || newEpoch < 0 || newStep < 0) {
      throw new IllegalArgumentException(
          "A slot for %d pictures cannot hold %d of epoch %d, step %d"
              .formatted(capacity, newCount, newEpoch, newStep));
    }
    count = newCount;
    total = newCount;
    epoch = newEpoch;
    step = newStep;
    firstOfEpoch = first;
    lastOfEpoch = last;
  }

  /** As {@link #describe}, of a worker's share, which may be empty, of a batch of that many. */
  void describeShare(
      int newCount, int newTotal, int newEpoch, long newStep, boolean first, boolean last) {
    describe(Math.max(1, newCount), newEpoch, newStep, first, last);
    count = newCount;
    total = newTotal;
  }
}
