package dev.nibble.engine.data.loading;

/**
 * How a pass over a data set is cut into batches.
 *
 * <p>In training, batch norm takes its statistics from the batch: those of a single picture are
 * noise, and of a single pixel nothing at all. So where one picture is left, the batch before gives
 * it company.
 */
final class EpochBatches {
  /** What becomes of the pictures at the end that fill no batch. */
  enum Rest {
    DROPPED,
    KEPT,
    /** Kept, but never one picture alone, unless batches are of one or two. */
    KEPT_TOGETHER
  }

  private final int size;
  private final int batch;
  private final long count;
  private final boolean lent;

  EpochBatches(int size, int batch, Rest rest) {
    this.size = size;
    this.batch = batch;
    this.count = DataLoader.stepsPerEpoch(size, batch, rest == Rest.DROPPED);
    this.lent = rest == Rest.KEPT_TOGETHER && batch > 2 && size > batch && size % batch == 1;
  }

  /** Batches of a pass. */
  long count() {
    return count;
  }

  /** The first picture of a batch, in the order of the pass. */
  int first(long index) {
    int first = (int) (index * batch);
    return lent && index == count - 1 ? first - 1 : first;
  }

  /** Pictures of a batch. */
  int size(long index) {
    int end = index == count - 1 ? Math.min(size, first(index) + batch) : first(index + 1);
    return end - first(index);
  }
}
