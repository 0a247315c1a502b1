package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;

import dev.nibble.kernels.Codec;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops of {@link NormalizedGradient} over a vector of channels: what was stored is read, and
 * dx written, or added to all but the first {@code again} lanes.
 */
final class NormalizedLoops {
  private NormalizedLoops() {}

  static void kept(
      int channels,
      int pixels,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride,
      int again) {
    int row = Lanes.roundUp(channels);
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.SCALE * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.CODE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.OFFSET * row);
    for (int p = 0; p < pixels; p++) {
      FloatVector x = FloatVector.fromMemorySegment(FLOATS, store, copy + 4L * p * channels, ORDER);
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradient, from + 4L * p * channels, ORDER);
      FloatVector dx = d.fma(scale, x.fma(slope, offset));
      if (add) {
        FloatVector before = FloatVector.fromArray(FLOATS, scratch, to + p * stride);
        dx.add(before).blend(before, done).intoArray(scratch, to + p * stride);
      } else {
        dx.intoArray(scratch, to + p * stride);
      }
    }
  }

  static void one(
      Codec codec,
      int channels,
      int groups,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride,
      int again) {
    int row = Lanes.roundUp(channels);
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.SCALE * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.CODE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.OFFSET * row);
    FloatVector lowSlope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_CODE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.EDGE * row);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      int at = to + g * stride;
      FloatVector w =
          CodeVectors.places(CodeVectors.load(store, copy + (long) g * channels), shift, base);
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradient, from + 4L * g * channels, ORDER);
      FloatVector rest =
          w.fma(slope, offset)
              .blend(w.fma(lowSlope, lowOffset), w.compare(VectorOperators.LT, edge));
      FloatVector dx = d.fma(scale, rest);
      if (add) {
        FloatVector before = FloatVector.fromArray(FLOATS, scratch, at);
        dx.add(before).blend(before, done).intoArray(scratch, at);
      } else {
        dx.intoArray(scratch, at);
      }
    }
  }

  static void two(
      Codec codec,
      int channels,
      int groups,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride,
      int again) {
    int row = Lanes.roundUp(channels);
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.SCALE * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.CODE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.OFFSET * row);
    FloatVector lowSlope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_CODE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.EDGE * row);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, copy + (long) g * channels);
      long in = from + 8L * g * channels;
      int at = to + 2 * g * stride;
      FloatVector w0 = CodeVectors.places(codes.and(15), shift, base);
      FloatVector d0 = FloatVector.fromMemorySegment(FLOATS, gradient, in, ORDER);
      FloatVector rest0 =
          w0.fma(slope, offset)
              .blend(w0.fma(lowSlope, lowOffset), w0.compare(VectorOperators.LT, edge));
      FloatVector dx0 = d0.fma(scale, rest0);
      if (add) {
        FloatVector before0 = FloatVector.fromArray(FLOATS, scratch, at);
        dx0.add(before0).blend(before0, done).intoArray(scratch, at);
      } else {
        dx0.intoArray(scratch, at);
      }
      FloatVector w1 = CodeVectors.places(codes.lanewise(VectorOperators.LSHR, 4), shift, base);
      FloatVector d1 = FloatVector.fromMemorySegment(FLOATS, gradient, in + 4L * channels, ORDER);
      FloatVector rest1 =
          w1.fma(slope, offset)
              .blend(w1.fma(lowSlope, lowOffset), w1.compare(VectorOperators.LT, edge));
      FloatVector dx1 = d1.fma(scale, rest1);
      if (add) {
        FloatVector before1 = FloatVector.fromArray(FLOATS, scratch, at + stride);
        dx1.add(before1).blend(before1, done).intoArray(scratch, at + stride);
      } else {
        dx1.intoArray(scratch, at + stride);
      }
    }
  }

  static void four(
      Codec codec,
      int channels,
      int groups,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride,
      int again) {
    int row = Lanes.roundUp(channels);
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.SCALE * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.CODE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.OFFSET * row);
    FloatVector lowSlope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_CODE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.EDGE * row);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, copy + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        int at = to + (4 * g + j) * stride;
        long in = from + 4L * (4 * g + j) * channels;
        FloatVector w = CodeVectors.places(codes.and(3), shift, base);
        FloatVector d = FloatVector.fromMemorySegment(FLOATS, gradient, in, ORDER);
        FloatVector rest =
            w.fma(slope, offset)
                .blend(w.fma(lowSlope, lowOffset), w.compare(VectorOperators.LT, edge));
        FloatVector dx = d.fma(scale, rest);
        if (add) {
          FloatVector before = FloatVector.fromArray(FLOATS, scratch, at);
          dx.add(before).blend(before, done).intoArray(scratch, at);
        } else {
          dx.intoArray(scratch, at);
        }
        codes = codes.lanewise(VectorOperators.LSHR, 2);
      }
    }
  }

  /** A column of codes' places. */
  static void column(
      int channels,
      int pixels,
      MemorySegment gradient,
      long from,
      int places,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride,
      int again) {
    int row = Lanes.roundUp(channels);
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.SCALE * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.CODE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.OFFSET * row);
    FloatVector lowSlope = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_CODE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + TermRows.LOW_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + TermRows.EDGE * row);
    for (int p = 0; p < pixels; p++) {
      int at = to + p * stride;
      FloatVector w = FloatVector.fromArray(FLOATS, scratch, places + p * LANES);
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradient, from + 4L * p * channels, ORDER);
      FloatVector rest =
          w.fma(slope, offset)
              .blend(w.fma(lowSlope, lowOffset), w.compare(VectorOperators.LT, edge));
      FloatVector dx = d.fma(scale, rest);
      if (add) {
        FloatVector before = FloatVector.fromArray(FLOATS, scratch, at);
        dx.add(before).blend(before, done).intoArray(scratch, at);
      } else {
        dx.intoArray(scratch, at);
      }
    }
  }
}
