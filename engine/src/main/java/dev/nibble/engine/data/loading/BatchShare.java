package dev.nibble.engine.data.loading;

/**
 * The pictures of every batch that one of several workers computes: those of {@code from} to {@code
 * to} of its units, which are cut evenly out of however many pictures a batch has.
 *
 * @param from the first unit
 * @param to the end of the units
 * @param units units of a batch
 */
public record BatchShare(int from, int to, int units) {
  /** All pictures. */
  public static final BatchShare WHOLE = new BatchShare(0, 1, 1);

  /** Checks the numbers. */
  public BatchShare {
    if (from < 0 || to <= from || to > units) {
      throw new IllegalArgumentException(
          "A share is a range of units, not [%d, %d) of %d".formatted(from, to, units));
    }
  }

  /** The first picture of a batch of {@code count}. */
  public int first(int count) {
    return (int) ((long) count * from / units);
  }

  /** The end of the pictures of a batch of {@code count}. */
  public int end(int count) {
    return (int) ((long) count * to / units);
  }

  /** Pictures of a batch of {@code count}; may be 0 in a small one. */
  public int size(int count) {
    return end(count) - first(count);
  }

  /** The most pictures of any batch of up to {@code count}. */
  public int most(int count) {
    return (int) (((long) count * (to - from) + units - 1) / units);
  }

  /** Whether it is all of a batch. */
  public boolean isWhole() {
    return to - from == units;
  }
}
