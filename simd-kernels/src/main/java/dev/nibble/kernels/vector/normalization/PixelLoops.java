package dev.nibble.kernels.vector.normalization;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import org.jspecify.annotations.Nullable;

/**
 * Layer norm of runs of pixels, one pixel after the other.
 *
 * <p>Lanes are summed by halves, each lane with the one so many away: every lane then holds the
 * sum, and its order is fixed, which that of {@code reduceLanes} is not.
 */
public final class PixelLoops {
  private static final VectorShuffle<Float> HALF = away(LANES / 2);
  private static final VectorShuffle<Float> QUARTER = away(LANES / 4);
  private static final VectorShuffle<Float> EIGHTH = away(LANES / 8);
  private static final VectorShuffle<Float> SIXTEENTH = away(LANES / 16);

  private PixelLoops() {}

  private static VectorShuffle<Float> away(int distance) {
    return VectorShuffle.fromOp(FLOATS, lane -> lane ^ distance);
  }

  /**
   * out = gamma * (a - mean) / sd.
   *
   * @param tile index of the first pixel's activation, C floats a pixel and one vector of slack
   * @param rows index of the {@link MomentRows}
   * @param out index of the first pixel's output, whole vectors a pixel
   * @param saved where mean and 1 / sd go, two floats a pixel from byte {@code at} on; or null
   */
  public static void forward(
      int channels,
      int pixels,
      float epsilon,
      float[] scratch,
      int tile,
      int rows,
      int out,
      @Nullable MemorySegment saved,
      long at) {
    int stride = Lanes.roundUp(channels);
    int bound = FLOATS.loopBound(channels);
    int gamma = MomentRows.row(rows, MomentRows.GAMMA, channels);
    VectorMask<Float> tail = FLOATS.indexInRange(bound, channels);
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    float share = 1f / channels;
    for (int p = 0; p < pixels; p++) {
      int from = tile + p * channels;
      FloatVector sum = zero;
      for (int c = 0; c < bound; c += LANES) {
        sum = sum.add(FloatVector.fromArray(FLOATS, scratch, from + c));
      }
      if (bound < channels) {
        sum = sum.add(zero.blend(FloatVector.fromArray(FLOATS, scratch, from + bound), tail));
      }
      sum = sum.add(sum.rearrange(HALF));
      sum = sum.add(sum.rearrange(QUARTER));
      if (LANES > 4) {
        sum = sum.add(sum.rearrange(EIGHTH));
      }
      if (LANES > 8) {
        sum = sum.add(sum.rearrange(SIXTEENTH));
      }
      FloatVector mean = sum.mul(share);
      FloatVector squares = zero;
      for (int c = 0; c < bound; c += LANES) {
        FloatVector distance = FloatVector.fromArray(FLOATS, scratch, from + c).sub(mean);
        squares = distance.fma(distance, squares);
      }
      if (bound < channels) {
        FloatVector distance =
            zero.blend(FloatVector.fromArray(FLOATS, scratch, from + bound).sub(mean), tail);
        squares = distance.fma(distance, squares);
      }
      squares = squares.add(squares.rearrange(HALF));
      squares = squares.add(squares.rearrange(QUARTER));
      if (LANES > 4) {
        squares = squares.add(squares.rearrange(EIGHTH));
      }
      if (LANES > 8) {
        squares = squares.add(squares.rearrange(SIXTEENTH));
      }
      FloatVector scale = one.div(squares.mul(share).add(epsilon).sqrt());
      if (saved != null) {
        saved.set(JAVA_FLOAT, at + 8L * p, mean.lane(0));
        saved.set(JAVA_FLOAT, at + 8L * p + 4, scale.lane(0));
      }
      int to = out + p * stride;
      for (int c = 0; c < stride; c += LANES) {
        FloatVector.fromArray(FLOATS, scratch, from + c)
            .sub(mean)
            .mul(scale)
            .mul(FloatVector.fromArray(FLOATS, scratch, gamma + c))
            .intoArray(scratch, to + c);
      }
    }
  }

  /**
   * Adds dy and dy * hat to the sums of the run.
   *
   * @param tile index of the first pixel's activation, whole vectors a pixel, zeros behind the
   *     channels; so are those of dy
   */
  public static void addSums(
      int channels,
      int pixels,
      float[] scratch,
      int tile,
      int dy,
      int rows,
      MemorySegment saved,
      long at) {
    int stride = Lanes.roundUp(channels);
    int sums = MomentRows.row(rows, MomentRows.DY, channels);
    int hats = MomentRows.row(rows, MomentRows.HAT, channels);
    for (int p = 0; p < pixels; p++) {
      FloatVector mean = FloatVector.broadcast(FLOATS, saved.get(JAVA_FLOAT, at + 8L * p));
      FloatVector scale = FloatVector.broadcast(FLOATS, saved.get(JAVA_FLOAT, at + 8L * p + 4));
      int pixel = p * stride;
      for (int c = 0; c < stride; c += LANES) {
        FloatVector d = FloatVector.fromArray(FLOATS, scratch, dy + pixel + c);
        FloatVector hat =
            FloatVector.fromArray(FLOATS, scratch, tile + pixel + c).sub(mean).mul(scale);
        d.add(FloatVector.fromArray(FLOATS, scratch, sums + c)).intoArray(scratch, sums + c);
        d.fma(hat, FloatVector.fromArray(FLOATS, scratch, hats + c)).intoArray(scratch, hats + c);
      }
    }
  }

  /**
   * data = (g - mean(g) - hat * mean(g * hat)) / sd, with g = gamma * dy; the parameters are those
   * of {@link #addSums}.
   *
   * @param data index of the first pixel's gradient, whole vectors a pixel
   */
  public static void backward(
      int channels,
      int pixels,
      float[] scratch,
      int tile,
      int dy,
      int rows,
      int data,
      MemorySegment saved,
      long at) {
    int stride = Lanes.roundUp(channels);
    int gamma = MomentRows.row(rows, MomentRows.GAMMA, channels);
    float share = 1f / channels;
    for (int p = 0; p < pixels; p++) {
      FloatVector mean = FloatVector.broadcast(FLOATS, saved.get(JAVA_FLOAT, at + 8L * p));
      FloatVector scale = FloatVector.broadcast(FLOATS, saved.get(JAVA_FLOAT, at + 8L * p + 4));
      FloatVector sum = FloatVector.zero(FLOATS);
      FloatVector hats = FloatVector.zero(FLOATS);
      int pixel = p * stride;
      for (int c = 0; c < stride; c += LANES) {
        FloatVector g =
            FloatVector.fromArray(FLOATS, scratch, dy + pixel + c)
                .mul(FloatVector.fromArray(FLOATS, scratch, gamma + c));
        FloatVector hat =
            FloatVector.fromArray(FLOATS, scratch, tile + pixel + c).sub(mean).mul(scale);
        sum = sum.add(g);
        hats = g.fma(hat, hats);
      }
      sum = sum.add(sum.rearrange(HALF));
      hats = hats.add(hats.rearrange(HALF));
      sum = sum.add(sum.rearrange(QUARTER));
      hats = hats.add(hats.rearrange(QUARTER));
      if (LANES > 4) {
        sum = sum.add(sum.rearrange(EIGHTH));
        hats = hats.add(hats.rearrange(EIGHTH));
      }
      if (LANES > 8) {
        sum = sum.add(sum.rearrange(SIXTEENTH));
        hats = hats.add(hats.rearrange(SIXTEENTH));
      }
      sum = sum.mul(share);
      hats = hats.mul(share);
      for (int c = 0; c < stride; c += LANES) {
        FloatVector g =
            FloatVector.fromArray(FLOATS, scratch, dy + pixel + c)
                .mul(FloatVector.fromArray(FLOATS, scratch, gamma + c));
        FloatVector hat =
            FloatVector.fromArray(FLOATS, scratch, tile + pixel + c).sub(mean).mul(scale);
        g.sub(sum).sub(hat.mul(hats)).mul(scale).intoArray(scratch, data + pixel + c);
      }
    }
  }
}
