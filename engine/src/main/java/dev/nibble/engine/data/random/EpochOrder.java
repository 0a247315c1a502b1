package dev.nibble.engine.data.random;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/**
 * The order and the augmentation of an epoch as pure functions of seed, epoch and picture: a
 * resumed run needs no stored random state.
 */
public final class EpochOrder {
  /** Pixels of padding on each side before a crop; an offset of this is the centred crop. */
  public static final int PADDING = 4;

  private static final long ORDER = 1;
  private static final long CROPS = 2;
  private static final long PARTS = 3;

  private EpochOrder() {}

  /**
   * Fills {@code out} with a random permutation of 0..out.length-1 (Fisher-Yates).
   *
   * @param seed the run's seed
   * @param epoch counted from 0
   */
  public static void permutation(long seed, int epoch, int[] out) {
    long key = SplitMix64.key(SplitMix64.key(seed, ORDER), epoch);
    for (int i = 0; i < out.length; i++) {
      int j = SplitMix64.bounded(SplitMix64.at(key, i), i + 1);
      out[i] = out[j];
      out[j] = i;
    }
  }

  /** Fills {@code out} with 0..out.length-1. */
  public static void sequence(int[] out) {
    for (int i = 0; i < out.length; i++) {
      out[i] = i;
    }
  }

  /**
   * Writes a picture's crop of an epoch as three int32: row offset and column offset, 0 to 8, into
   * the padded picture, and 1 where it is mirrored, else 0.
   *
   * @param index the picture's index in the data set, whatever its place in the epoch
   * @param target receives 12 bytes at {@code offset}, a multiple of 4
   * @throws IndexOutOfBoundsException if they do not fit
   */
  public static void crop(long seed, int epoch, int index, MemorySegment target, long offset) {
    long key = SplitMix64.key(SplitMix64.key(SplitMix64.key(seed, CROPS), epoch), index);
    target.set(JAVA_INT, offset, SplitMix64.bounded(SplitMix64.at(key, 0), 2 * PADDING + 1));
    target.set(JAVA_INT, offset + 4, SplitMix64.bounded(SplitMix64.at(key, 1), 2 * PADDING + 1));
    target.set(JAVA_INT, offset + 8, SplitMix64.bounded(SplitMix64.at(key, 2), 2));
  }

  /**
   * Writes the centred crop, not mirrored: 4, 4, 0.
   *
   * @param target receives 12 bytes at {@code offset}, a multiple of 4
   * @throws IndexOutOfBoundsException if they do not fit
   */
  public static void centred(MemorySegment target, long offset) {
    target.set(JAVA_INT, offset, PADDING);
    target.set(JAVA_INT, offset + 4, PADDING);
    target.set(JAVA_INT, offset + 8, 0);
  }

  /**
   * What a picture's random part of an epoch is drawn from ({@link
   * dev.nibble.engine.data.Dataset#readPart}).
   */
  public static long partKey(long seed, int epoch, int index) {
    return SplitMix64.key(SplitMix64.key(SplitMix64.key(seed, PARTS), epoch), index);
  }

  /**
   * Writes a picture's crop as {@link #crop} does, but centred: it is mirrored at random and no
   * more.
   */
  public static void mirror(long seed, int epoch, int index, MemorySegment target, long offset) {
    crop(seed, epoch, index, target, offset);
    target.set(JAVA_INT, offset, PADDING);
    target.set(JAVA_INT, offset + 4, PADDING);
  }
}
