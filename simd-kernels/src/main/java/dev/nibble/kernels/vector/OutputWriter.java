package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Writes one picture's output: {@code y = out + bias + residual}, with the sums that the next batch
 * norm needs.
 *
 * <p>A region of scratch holds four rows of channels: the bias, the shift (the shard's first
 * pixel), sum(y - shift), sum((y - shift)^2). Sums are taken a run of pixels at a time, then added
 * up, so that they lose little in fp32 even on large pictures.
 */
final class OutputWriter {
  private OutputWriter() {}

  /** Floats of the region. */
  static int floats(int channels) {
    return 4 * Lanes.roundUp(channels);
  }

  private static int row(int region, int row, int channels) {
    return region + row * Lanes.roundUp(channels);
  }

  /** Fills the region at the start of a shard. */
  static void start(@Nullable MemorySegment bias, int channels, float[] scratch, int region) {
    // Adding -0 changes no number, adding 0 turns -0 into 0.
    Arrays.fill(scratch, region, row(region, 1, channels), -0f);
    Arrays.fill(scratch, row(region, 1, channels), region + floats(channels), 0f);
    if (bias != null) {
      MemorySegment.copy(bias, JAVA_FLOAT, 0, scratch, region, channels);
    }
  }

  /** Takes the first pixel of the shard's first picture as the shift. */
  static void shift(
      int channels,
      @Nullable MemorySegment residual,
      long residualAt,
      float[] scratch,
      int out,
      int region) {
    int shift = row(region, 1, channels);
    for (int c = 0; c < channels; c++) {
      float value = scratch[out + c] + scratch[region + c];
      if (residual != null) {
        value += residual.get(JAVA_FLOAT, residualAt + 4L * c);
      }
      scratch[shift + c] = value;
    }
  }

  /** Adds the sums to the shard's doubles and starts them again. */
  static void flush(int channels, float[] scratch, int region, MemorySegment sums, long at) {
    int sum = row(region, 2, channels);
    int square = row(region, 3, channels);
    ChannelSums.flush(scratch, sum, channels, sums, at);
    ChannelSums.flush(scratch, square, channels, sums, at + 8L * channels);
  }

  /**
   * Writes a picture.
   *
   * @param out index in scratch of the operator's output, whole vectors a pixel
   * @param residual what is added, of the output's shape; or null
   * @param y may be the residual
   */
  static void write(
      FeatureMap map,
      int picture,
      float[] scratch,
      int out,
      int region,
      @Nullable MemorySegment residual,
      MemorySegment y,
      boolean statistics) {
    int channels = map.channels();
    int stride = Lanes.roundUp(channels);
    int pixels = map.pixels();
    int bound = FLOATS.loopBound(channels);
    int run = OperatorGeometry.run(map, 0);
    for (int first = 0; first < pixels; first += run) {
      int count = Math.min(run, pixels - first);
      int from = out + first * stride;
      long to = picture * map.bytes() + 4L * first * channels;
      OutputLoops.run(scratch, from, region, channels, bound, count, residual, y, to, statistics);
      if (bound < channels) {
        tail(scratch, from, region, channels, bound, count, residual, y, to, statistics);
      }
    }
  }

  /** The channels that fill no vector. */
  private static void tail(
      float[] scratch,
      int from,
      int region,
      int channels,
      int firstChannel,
      int count,
      @Nullable MemorySegment residual,
      MemorySegment y,
      long at,
      boolean statistics) {
    int stride = Lanes.roundUp(channels);
    for (int c = firstChannel; c < channels; c++) {
      float sum = 0;
      float square = 0;
      for (int p = 0; p < count; p++) {
        long i = at + 4L * ((long) p * channels + c);
        float value = scratch[from + p * stride + c] + scratch[region + c];
        if (residual != null) {
          value += residual.get(JAVA_FLOAT, i);
        }
        y.set(JAVA_FLOAT, i, value);
        float centred = value - scratch[region + stride + c];
        sum += centred;
        square += centred * centred;
      }
      if (statistics) {
        scratch[region + 2 * stride + c] += sum;
        scratch[region + 3 * stride + c] += square;
      }
    }
  }
}
