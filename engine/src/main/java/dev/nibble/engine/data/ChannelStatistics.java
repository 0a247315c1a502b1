package dev.nibble.engine.data;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Mean and standard deviation of each channel, in units where a byte of 255 is 1: what pictures are
 * normalised by.
 */
public final class ChannelStatistics {
  /** Above this many pictures only every k-th is read: the figures are then settled long since. */
  private static final int MOST_PICTURES = 100_000;

  /** A channel that never changes must not divide by zero. */
  private static final double LEAST_STD = 1.0 / 255;

  private final float[] mean;
  private final float[] std;

  private ChannelStatistics(float[] mean, float[] std) {
    this.mean = mean;
    this.std = std;
  }

  /**
   * Measures a data set, all of it up to 100,000 pictures, evenly spread ones above. Sums are
   * integers, so the result is exact and the same everywhere.
   *
   * @throws DataException if a picture cannot be read
   */
  public static ChannelStatistics of(Dataset dataset) {
    return of(dataset, MOST_PICTURES);
  }

  /**
   * Computes them from so many pictures at most, evenly spaced.
   *
   * @throws DataException if a picture cannot be read
   */
  public static ChannelStatistics of(Dataset dataset, int most) {
    int channels = dataset.channels();
    int bytes = dataset.pictureBytes();
    int stride = (dataset.size() - 1) / most + 1;
    long[] sums = new long[channels];
    long[] squares = new long[channels];
    long pictures = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment picture = arena.allocate(bytes);
      for (int index = 0; index < dataset.size(); index += stride) {
        dataset.read(index, picture, 0);
        for (int c = 0; c < channels; c++) {
          add(picture, bytes, c, channels, sums, squares);
        }
        pictures++;
      }
    }
    double values = pictures * (bytes / channels);
    float[] mean = new float[channels];
    float[] std = new float[channels];
    for (int c = 0; c < channels; c++) {
      double m = sums[c] / values;
      mean[c] = (float) (m / 255);
      double variance = Math.max(0, squares[c] / values - m * m);
      std[c] = (float) Math.max(LEAST_STD, Math.sqrt(variance) / 255);
    }
    return new ChannelStatistics(mean, std);
  }

  private static void add(
      MemorySegment picture, int bytes, int channel, int channels, long[] sums, long[] squares) {
    long sum = 0;
    long square = 0;
    for (int i = channel; i < bytes; i += channels) {
      long value = picture.get(JAVA_BYTE, i) & 0xFF;
      sum += value;
      square += value * value;
    }
    sums[channel] += sum;
    squares[channel] += square;
  }

  /** Mean of each channel, 0 to 1. */
  public float[] mean() {
    return mean.clone();
  }

  /** Standard deviation of each channel, over all pixels of all pictures; at least 1/255. */
  public float[] std() {
    return std.clone();
  }
}
