package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops of {@link GradientFinisher} over a vector of channels: each masks the gradients, and
 * adds them, and their products with hat~, to the sums. In each, the first {@code again} lanes are
 * done already and add nothing.
 */
final class FinisherLoops {
  private FinisherLoops() {}

  static void plain(int channels, int pixels, float[] scratch, int at, int sums, int again) {
    int stride = Lanes.roundUp(channels);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      sum = sum.add(FloatVector.fromArray(FLOATS, scratch, at + p * stride));
    }
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
  }

  static void kept(
      boolean relu,
      int channels,
      int pixels,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums,
      int again) {
    int stride = Lanes.roundUp(channels);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * stride);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector base =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      FloatVector x = FloatVector.fromMemorySegment(FLOATS, store, from + 4L * p * channels, ORDER);
      FloatVector d =
          FloatVector.fromArray(FLOATS, scratch, at + p * stride)
              .blend(0f, x.fma(scale, offset).compare(VectorOperators.LE, floor));
      d.intoArray(scratch, at + p * stride);
      sum = sum.add(d);
      dot = d.fma(x.fma(unit, base), dot);
    }
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot.blend(0f, done))
        .intoArray(scratch, sums + stride);
  }

  static void one(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums,
      int again) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      FloatVector w =
          CodeVectors.places(CodeVectors.load(store, from + (long) g * channels), shift, base);
      FloatVector d =
          FloatVector.fromArray(FLOATS, scratch, at + g * stride)
              .blend(0f, w.compare(VectorOperators.LT, edge));
      d.intoArray(scratch, at + g * stride);
      sum = sum.add(d);
      dot = d.fma(w.fma(unit, origin), dot);
    }
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot.blend(0f, done))
        .intoArray(scratch, sums + stride);
  }

  static void two(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums,
      int again) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    FloatVector sum0 = FloatVector.zero(FLOATS);
    FloatVector sum1 = FloatVector.zero(FLOATS);
    FloatVector dot0 = FloatVector.zero(FLOATS);
    FloatVector dot1 = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      int to = at + 2 * g * stride;
      FloatVector w0 = CodeVectors.places(codes.and(15), shift, base);
      FloatVector d0 =
          FloatVector.fromArray(FLOATS, scratch, to)
              .blend(0f, w0.compare(VectorOperators.LT, edge));
      d0.intoArray(scratch, to);
      sum0 = sum0.add(d0);
      dot0 = d0.fma(w0.fma(unit, origin), dot0);
      FloatVector w1 = CodeVectors.places(codes.lanewise(VectorOperators.LSHR, 4), shift, base);
      FloatVector d1 =
          FloatVector.fromArray(FLOATS, scratch, to + stride)
              .blend(0f, w1.compare(VectorOperators.LT, edge));
      d1.intoArray(scratch, to + stride);
      sum1 = sum1.add(d1);
      dot1 = d1.fma(w1.fma(unit, origin), dot1);
    }
    FloatVector sum = sum0.add(sum1);
    FloatVector dot = dot0.add(dot1);
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot.blend(0f, done))
        .intoArray(scratch, sums + stride);
  }

  static void four(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums,
      int again) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        int to = at + (4 * g + j) * stride;
        FloatVector w = CodeVectors.places(codes.and(3), shift, base);
        FloatVector d =
            FloatVector.fromArray(FLOATS, scratch, to)
                .blend(0f, w.compare(VectorOperators.LT, edge));
        d.intoArray(scratch, to);
        sum = sum.add(d);
        dot = d.fma(w.fma(unit, origin), dot);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
      }
    }
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot.blend(0f, done))
        .intoArray(scratch, sums + stride);
  }

  /** A column of codes' places, with a ReLU or without. */
  static void column(
      boolean relu,
      int channels,
      int pixels,
      float[] scratch,
      int places,
      int rows,
      int at,
      int sums,
      int again) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector lowUnit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_HAT_SCALE * stride);
    FloatVector lowOrigin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_HAT_OFFSET * stride);
    // Nothing is below NaN: without a ReLU, nothing is masked.
    FloatVector mask =
        relu
            ? FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW * stride)
            : FloatVector.broadcast(FLOATS, Float.NaN);
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      FloatVector w = FloatVector.fromArray(FLOATS, scratch, places + p * LANES);
      FloatVector d =
          FloatVector.fromArray(FLOATS, scratch, at + p * stride)
              .blend(0f, w.compare(VectorOperators.LT, mask));
      d.intoArray(scratch, at + p * stride);
      sum = sum.add(d);
      FloatVector hat =
          w.fma(unit, origin).blend(w.fma(lowUnit, lowOrigin), w.compare(VectorOperators.LT, edge));
      dot = d.fma(hat, dot);
    }
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot.blend(0f, done))
        .intoArray(scratch, sums + stride);
  }
}
