package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Layout;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Writes an operator's output: {@code y = out + bias + residual}, with the sums that the next batch
 * norm needs.
 *
 * <p>A region of scratch holds four rows of channels: the bias, the shift (the leaf's first pixel),
 * sum(y - shift), sum((y - shift)^2), and a vector more. Sums are taken a run of pixels at a time,
 * then added up, so that they lose little in fp32 even on large pictures.
 */
public final class OutputWriter {
  private OutputWriter() {}

  /** Floats of the region. */
  public static int floats(int channels) {
    return 4 * Lanes.roundUp(channels) + Lanes.LANES;
  }

  private static int row(int region, int row, int channels) {
    return region + row * Lanes.roundUp(channels);
  }

  /** Fills the region at the start of a leaf. */
  public static void start(
      @Nullable MemorySegment bias, int channels, float[] scratch, int region) {
    // Adding -0 changes no number, adding 0 turns -0 into 0.
    Arrays.fill(scratch, region, row(region, 1, channels), -0f);
    Arrays.fill(scratch, row(region, 1, channels), region + floats(channels), 0f);
    if (bias != null) {
      MemorySegment.copy(bias, JAVA_FLOAT, 0, scratch, region, channels);
    }
  }

  /** Takes a leaf's first pixel as the shift of channels {@code [fromChannel, toChannel)}. */
  public static void shift(
      int channels,
      int fromChannel,
      int toChannel,
      @Nullable MemorySegment residual,
      long residualAt,
      float[] scratch,
      int out,
      int region) {
    int shift = row(region, 1, channels);
    int count = toChannel - fromChannel;
    // Copied first: a loop over an array alone stays compiled, whatever segments others pass.
    if (residual == null) {
      Arrays.fill(scratch, shift + fromChannel, shift + toChannel, -0f);
    } else {
      long from = residualAt + 4L * fromChannel;
      MemorySegment.copy(residual, JAVA_FLOAT, from, scratch, shift + fromChannel, count);
    }
    for (int c = fromChannel; c < toChannel; c++) {
      scratch[shift + c] += scratch[out + c] + scratch[region + c];
    }
  }

  /** Clears a leaf's region: it counts as nothing. */
  public static void clear(MemorySegment statistics, long at, int channels) {
    for (int c = 0; c < channels; c++) {
      statistics.set(JAVA_DOUBLE, at + 8L * c, 0);
    }
  }

  /** Writes the shift to a leaf's region, whose sums begin. */
  public static void begin(
      int channels,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int region,
      MemorySegment statistics,
      long at) {
    int shift = row(region, 1, channels);
    for (int c = fromChannel; c < toChannel; c++) {
      statistics.set(JAVA_DOUBLE, at + Partials.statisticsSums(channels) + 8L * c, 0);
      statistics.set(JAVA_DOUBLE, at + Partials.statisticsSquares(channels) + 8L * c, 0);
      statistics.set(
          JAVA_FLOAT, at + Partials.statisticsShifts(channels) + 4L * c, scratch[shift + c]);
    }
  }

  /** Adds the sums of {@code pixels} pixels to the leaf's doubles and starts them again. */
  public static void flush(
      int channels,
      int fromChannel,
      int toChannel,
      int pixels,
      float[] scratch,
      int region,
      MemorySegment statistics,
      long at) {
    for (int c = fromChannel; c < toChannel; c++) {
      long i = at + 8L * c;
      statistics.set(JAVA_DOUBLE, i, statistics.get(JAVA_DOUBLE, i) + pixels);
    }
    int sum = row(region, 2, channels);
    int square = row(region, 3, channels);
    long sums = at + Partials.statisticsSums(channels);
    long squares = at + Partials.statisticsSquares(channels);
    ChannelSums.flush(scratch, sum, fromChannel, toChannel, statistics, sums);
    ChannelSums.flush(scratch, square, fromChannel, toChannel, statistics, squares);
  }

  /**
   * Writes pixels {@code [first, end)} of a picture, channels {@code [fromChannel, toChannel)}, of
   * which the first begins a vector.
   *
   * @param out index in scratch of the first pixel of the operator's output, whole vectors a pixel
   * @param layout where the channels lie in y
   * @param residual what is added, of the output's shape; or null
   * @param y may be the residual
   */
  public static void write(
      FeatureMap map,
      Layout layout,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int out,
      int region,
      @Nullable MemorySegment residual,
      MemorySegment y,
      boolean statistics) {
    int channels = map.channels();
    int stride = Lanes.roundUp(channels);
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int run = ActivationLoader.run(map);
    for (int p = first; p < end; p += run) {
      int count = Math.min(run, end - p);
      int from = out + (p - first) * stride;
      int pitch = layout.pitch();
      long added = picture * map.bytes() + 4L * p * channels;
      long to = 4 * (((long) picture * map.pixels() + p) * pitch + layout.offset());
      if (residual != null && statistics && toChannel - fromChannel == channels) {
        // With sums, a run is walked by columns; the vector behind the rows holds nothing.
        long bytes = 4L * count * channels;
        Segments.touch(residual, added, bytes, scratch, row(region, 4, channels));
      }
      OutputLoops.run(
          scratch,
          from,
          region,
          channels,
          fromChannel,
          bound,
          count,
          residual,
          added,
          y,
          to,
          pitch,
          statistics);
      if (bound < toChannel) {
        tail(
            scratch,
            from,
            region,
            channels,
            bound,
            toChannel,
            count,
            residual,
            added,
            y,
            to,
            pitch,
            statistics);
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
      int endChannel,
      int count,
      @Nullable MemorySegment residual,
      long added,
      MemorySegment y,
      long at,
      int pitch,
      boolean statistics) {
    int stride = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      float sum = 0;
      float square = 0;
      for (int p = 0; p < count; p++) {
        float value = scratch[from + p * stride + c] + scratch[region + c];
        if (residual != null) {
          value += residual.get(JAVA_FLOAT, added + 4L * ((long) p * channels + c));
        }
        y.set(JAVA_FLOAT, at + 4L * ((long) p * pitch + c), value);
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
