package dev.nibble.engine.data.loading;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.random.BetaDraw;
import dev.nibble.engine.data.random.EpochOrder;
import dev.nibble.engine.data.random.SplitMix64;
import java.lang.foreign.MemorySegment;

/** Mixes the pictures of a batch in place. A step allocates nothing. */
final class BatchMixer {
  /** Sets the draws apart from those of the pictures' parts and changes. */
  private static final long MIXING = 4;

  /** Shares are multiples of 1 / this, so that pixels and targets have the same. */
  private static final int ONE = 1 << 16;

  /** Fills a picture of a batch, by its place in the whole one. */
  interface Source {
    void fill(int place, MemorySegment picture, MemorySegment targets);
  }

  private final Mixing mixing;
  private final long seed;
  private final int height;
  private final int width;
  private final int channels;
  private final int values;

  /** The picture that is mixed with the share's last: the next of the batch. */
  private final byte[] next;

  private final byte[] own;
  private final byte[] other;
  private final float[] nextTargets;
  private final MemorySegment nextPicture;
  private final MemorySegment nextValues;

  BatchMixer(Mixing mixing, long seed, Dataset dataset) {
    this.mixing = mixing;
    this.seed = seed;
    this.height = dataset.height();
    this.width = dataset.width();
    this.channels = dataset.channels();
    this.values = dataset.classNames().size();
    this.next = new byte[dataset.pictureBytes()];
    this.own = new byte[next.length];
    this.other = new byte[next.length];
    this.nextTargets = new float[values];
    this.nextPicture = MemorySegment.ofArray(next);
    this.nextValues = MemorySegment.ofArray(nextTargets);
  }

  /**
   * Mixes a worker's share of a batch.
   *
   * @param pictures the share's, filled
   * @param targets the share's, filled
   * @param crops how each picture will be cut out
   * @param first the share's first place in the whole batch
   * @param count pictures of the share
   * @param total pictures of the whole batch
   * @param source where a picture of another share comes from
   */
  void mix(
      MemorySegment pictures,
      MemorySegment targets,
      MemorySegment crops,
      int first,
      int count,
      int total,
      long step,
      Source source) {
    if (count == 0 || total < 2) {
      return;
    }
    if (count == total) {
      MemorySegment.copy(pictures, JAVA_BYTE, 0, next, 0, next.length);
      MemorySegment.copy(targets, JAVA_FLOAT, 0, nextTargets, 0, values);
    } else {
      source.fill((first + count) % total, nextPicture, nextValues);
    }
    long key = SplitMix64.key(SplitMix64.key(seed, MIXING), step);
    for (int i = 0; i < count; i++) {
      MemorySegment.copy(pictures, JAVA_BYTE, (long) i * own.length, own, 0, own.length);
      boolean isLast = i == count - 1;
      byte[] partner = isLast ? next : other;
      if (!isLast) {
        MemorySegment.copy(pictures, JAVA_BYTE, (i + 1L) * own.length, other, 0, own.length);
      }
      float share = (float) mix(partner, SplitMix64.key(key, first + i), crops, i) / ONE;
      MemorySegment.copy(own, 0, pictures, JAVA_BYTE, (long) i * own.length, own.length);
      for (int k = 0; k < values; k++) {
        long at = (long) i * values + k;
        float one = targets.getAtIndex(JAVA_FLOAT, at);
        float two = isLast ? nextTargets[k] : targets.getAtIndex(JAVA_FLOAT, at + values);
        float mixed = share * one + (1 - share) * two;
        targets.setAtIndex(
            JAVA_FLOAT, at, Math.clamp(mixed, Math.min(one, two), Math.max(one, two)));
      }
    }
  }

  /**
   * Mixes a partner into the picture at hand, and returns what is left of that, of {@link #ONE}.
   */
  private int mix(byte[] partner, long key, MemorySegment crops, int picture) {
    boolean cuts =
        mixing.cutmix() > 0
            && (mixing.mixup() == 0 || SplitMix64.unit(SplitMix64.at(key, 0)) < 0.5f);
    double drawn = BetaDraw.of(cuts ? mixing.cutmix() : mixing.mixup(), SplitMix64.key(key, 1));
    if (!cuts) {
      int share = (int) Math.round(drawn * ONE);
      for (int i = 0; i < own.length; i++) {
        int sum = (own[i] & 0xFF) * share + (partner[i] & 0xFF) * (ONE - share);
        own[i] = (byte) ((sum + ONE / 2) >> 16);
      }
      return share;
    }
    double side = StrictMath.sqrt(1 - drawn);
    int row = SplitMix64.bounded(SplitMix64.at(key, 2), height);
    int column = SplitMix64.bounded(SplitMix64.at(key, 3), width);
    int halfHeight = (int) (side * height / 2);
    int halfWidth = (int) (side * width / 2);
    return paste(
        partner,
        crops,
        picture,
        Math.max(0, row - halfHeight),
        Math.min(height, row + halfHeight),
        Math.max(0, column - halfWidth),
        Math.min(width, column + halfWidth));
  }

  /** Puts a rectangle of the picture as it will be cut out into it; what a crop shows counts. */
  private int paste(
      byte[] partner, MemorySegment crops, int picture, int top, int bottom, int left, int right) {
    int down = crops.get(JAVA_INT, 12L * picture) - EpochOrder.PADDING;
    int across = crops.get(JAVA_INT, 12L * picture + 4) - EpochOrder.PADDING;
    boolean mirrored = crops.get(JAVA_INT, 12L * picture + 8) != 0;
    int from = (mirrored ? width - right : left) + across;
    int to = (mirrored ? width - left : right) + across;
    int firstColumn = Math.clamp(from, 0, width);
    int endColumn = Math.clamp(to, firstColumn, width);
    int firstRow = Math.clamp(top + down, 0, height);
    int endRow = Math.clamp(bottom + down, firstRow, height);
    int bytes = (endColumn - firstColumn) * channels;
    for (int y = firstRow; y < endRow; y++) {
      int at = (y * width + firstColumn) * channels;
      System.arraycopy(partner, at, own, at, bytes);
    }
    long area = (long) (endRow - firstRow) * (endColumn - firstColumn);
    return (int) Math.round(ONE * (1 - (double) area / ((long) height * width)));
  }
}
