package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;

import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * The loops of {@link OutputWriter} over a run of pixels, for the channels that fill vectors.
 *
 * <p>Sums stay in registers, so a run is walked once for every two vectors of channels: two, and
 * not one, because lines that are written in order cost memory half as much; not four, because
 * their vectors' methods exceed C2's node budget.
 */
final class OutputLoops {
  private OutputLoops() {}

  /**
   * Writes a run; the parameters are the writer's.
   *
   * @param first where the channels begin: a vector's first
   * @param bound where they end
   * @param added byte offset of the run's first pixel in the residual
   * @param at byte offset of the run's first pixel in y
   * @param pitch floats from pixel to pixel in y
   */
  static void run(
      float[] scratch,
      int from,
      int region,
      int channels,
      int first,
      int bound,
      int count,
      @Nullable MemorySegment residual,
      long added,
      MemorySegment y,
      long at,
      int pitch,
      boolean statistics) {
    if (!statistics) {
      plain(scratch, from, region, channels, first, bound, count, residual, added, y, at, pitch);
      return;
    }
    int c = first;
    for (; c <= bound - 2 * LANES; c += 2 * LANES) {
      sums2(
          scratch,
          from + c,
          region + c,
          channels,
          count,
          residual,
          added + 4L * c,
          y,
          at + 4L * c,
          pitch);
    }
    for (; c < bound; c += LANES) {
      sums(
          scratch,
          from + c,
          region + c,
          channels,
          count,
          residual,
          added + 4L * c,
          y,
          at + 4L * c,
          pitch);
    }
  }

  private static void plain(
      float[] scratch,
      int from,
      int region,
      int channels,
      int first,
      int bound,
      int count,
      @Nullable MemorySegment residual,
      long added,
      MemorySegment y,
      long at,
      int pitch) {
    int stride = Lanes.roundUp(channels);
    for (int p = 0; p < count; p++) {
      int in = from + p * stride;
      long out = at + 4L * p * pitch;
      long term = added + 4L * p * channels;
      for (int c = first; c < bound; c += LANES) {
        FloatVector value =
            FloatVector.fromArray(FLOATS, scratch, in + c)
                .add(FloatVector.fromArray(FLOATS, scratch, region + c));
        if (residual != null) {
          value = value.add(FloatVector.fromMemorySegment(FLOATS, residual, term + 4L * c, ORDER));
        }
        value.intoMemorySegment(y, out + 4L * c, ORDER);
      }
    }
  }

  private static void sums(
      float[] scratch,
      int from,
      int region,
      int channels,
      int count,
      @Nullable MemorySegment residual,
      long added,
      MemorySegment y,
      long at,
      int pitch) {
    int stride = Lanes.roundUp(channels);
    int shiftAt = region + stride;
    FloatVector bias = FloatVector.fromArray(FLOATS, scratch, region);
    FloatVector shift = FloatVector.fromArray(FLOATS, scratch, shiftAt);
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector square = FloatVector.zero(FLOATS);
    for (int p = 0; p < count; p++) {
      int in = from + p * stride;
      long out = at + 4L * p * pitch;
      long term = added + 4L * p * channels;
      FloatVector value = FloatVector.fromArray(FLOATS, scratch, in).add(bias);
      if (residual != null) {
        value = value.add(FloatVector.fromMemorySegment(FLOATS, residual, term, ORDER));
      }
      value.intoMemorySegment(y, out, ORDER);
      FloatVector centred = value.sub(shift);
      sum = sum.add(centred);
      square = centred.fma(centred, square);
    }
    int sumAt = shiftAt + stride;
    int squareAt = sumAt + stride;
    sum.add(FloatVector.fromArray(FLOATS, scratch, sumAt)).intoArray(scratch, sumAt);
    square.add(FloatVector.fromArray(FLOATS, scratch, squareAt)).intoArray(scratch, squareAt);
  }

  private static void sums2(
      float[] scratch,
      int from,
      int region,
      int channels,
      int count,
      @Nullable MemorySegment residual,
      long added,
      MemorySegment y,
      long at,
      int pitch) {
    int stride = Lanes.roundUp(channels);
    int shiftAt = region + stride;
    FloatVector bias0 = FloatVector.fromArray(FLOATS, scratch, region);
    FloatVector bias1 = FloatVector.fromArray(FLOATS, scratch, region + LANES);
    FloatVector shift0 = FloatVector.fromArray(FLOATS, scratch, shiftAt);
    FloatVector shift1 = FloatVector.fromArray(FLOATS, scratch, shiftAt + LANES);
    FloatVector sum0 = FloatVector.zero(FLOATS);
    FloatVector square0 = FloatVector.zero(FLOATS);
    FloatVector sum1 = FloatVector.zero(FLOATS);
    FloatVector square1 = FloatVector.zero(FLOATS);
    for (int p = 0; p < count; p++) {
      int in = from + p * stride;
      long out = at + 4L * p * pitch;
      long term = added + 4L * p * channels;
      FloatVector value0 = FloatVector.fromArray(FLOATS, scratch, in).add(bias0);
      FloatVector value1 = FloatVector.fromArray(FLOATS, scratch, in + LANES).add(bias1);
      if (residual != null) {
        value0 = value0.add(FloatVector.fromMemorySegment(FLOATS, residual, term, ORDER));
        value1 =
            value1.add(FloatVector.fromMemorySegment(FLOATS, residual, term + 4L * LANES, ORDER));
      }
      value0.intoMemorySegment(y, out, ORDER);
      value1.intoMemorySegment(y, out + 4L * LANES, ORDER);
      FloatVector centred0 = value0.sub(shift0);
      FloatVector centred1 = value1.sub(shift1);
      sum0 = sum0.add(centred0);
      sum1 = sum1.add(centred1);
      square0 = centred0.fma(centred0, square0);
      square1 = centred1.fma(centred1, square1);
    }
    int sumAt = shiftAt + stride;
    int squareAt = sumAt + stride;
    sum0.add(FloatVector.fromArray(FLOATS, scratch, sumAt)).intoArray(scratch, sumAt);
    square0.add(FloatVector.fromArray(FLOATS, scratch, squareAt)).intoArray(scratch, squareAt);
    sum1.add(FloatVector.fromArray(FLOATS, scratch, sumAt + LANES))
        .intoArray(scratch, sumAt + LANES);
    square1
        .add(FloatVector.fromArray(FLOATS, scratch, squareAt + LANES))
        .intoArray(scratch, squareAt + LANES);
  }
}
