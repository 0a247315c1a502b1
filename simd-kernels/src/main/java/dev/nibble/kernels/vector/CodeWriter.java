package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.CodeVectors.INTS;
import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Segments.ORDER;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops that write codes while they load: for a vector of channels and a run of pixel groups. A
 * loop each for the codecs of one and of two pixels a byte, and one for all others.
 *
 * <p>A code is cut from the bits of v ({@link Codec}): bits of positive floats are in the order of
 * the floats, integers have no NaN to care for, and clamping them takes one instruction a bound.
 */
final class CodeWriter {
  private CodeWriter() {}

  /** Loads {@code groups} whole groups of pixels; the parameters are those of the loops below. */
  static void encode(
      boolean relu,
      Codec codec,
      int channels,
      int groups,
      MemorySegment x,
      long from,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to) {
    switch (8 * codec.bytesPerGroup() / codec.pixelsPerGroup()) {
      case 8 -> one(relu, codec, channels, groups, x, from, store, copy, scratch, rows, to);
      case 4 -> two(relu, codec, channels, groups, x, from, store, copy, scratch, rows, to);
      default -> {
        int pixels = groups * codec.pixelsPerGroup();
        any(relu, codec, channels, pixels, x, from, store, copy, scratch, rows, to);
      }
    }
  }

  private static IntVector edge(float[] scratch, int at) {
    return FloatVector.fromArray(FLOATS, scratch, at).reinterpretAsInts();
  }

  private static void one(
      boolean relu,
      Codec codec,
      int channels,
      int groups,
      MemorySegment x,
      long from,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to) {
    int row = Lanes.roundUp(channels);
    FloatVector zScale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * row);
    FloatVector zOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * row);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_OFFSET * row);
    FloatVector lowScale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_CODE_SCALE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_CODE_OFFSET * row);
    IntVector zero = IntVector.broadcast(INTS, codec.origin());
    IntVector edge = relu ? edge(scratch, rows + ChannelTable.EDGE * row) : zero;
    IntVector below = edge.sub(1);
    int shift = codec.shift();
    IntVector top = IntVector.broadcast(INTS, codec.origin() + (codec.codes() << shift) - 1);
    // Nothing is below NaN: without a ReLU, nothing is off.
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    for (int g = 0; g < groups; g++) {
      FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, x, from + 4L * g * channels, ORDER);
      FloatVector z0 = x0.fma(zScale, zOffset);
      VectorMask<Float> off0 = z0.compare(VectorOperators.LE, floor);
      z0.blend(floor, off0).intoArray(scratch, to + g * channels);
      IntVector code0 =
          x0.fma(scale, offset)
              .reinterpretAsInts()
              .max(x0.fma(lowScale, lowOffset).reinterpretAsInts())
              .min(top.blend(below, off0.cast(INTS)))
              .max(edge.blend(zero, off0.cast(INTS)))
              .lanewise(VectorOperators.LSHR, shift);
      CodeVectors.store(code0, store, copy + (long) g * channels);
    }
  }

  private static void two(
      boolean relu,
      Codec codec,
      int channels,
      int groups,
      MemorySegment x,
      long from,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to) {
    int row = Lanes.roundUp(channels);
    FloatVector zScale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * row);
    FloatVector zOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * row);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_OFFSET * row);
    FloatVector lowScale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_CODE_SCALE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_CODE_OFFSET * row);
    IntVector zero = IntVector.broadcast(INTS, codec.origin());
    IntVector edge = relu ? edge(scratch, rows + ChannelTable.EDGE * row) : zero;
    IntVector below = edge.sub(1);
    int shift = codec.shift();
    IntVector top = IntVector.broadcast(INTS, codec.origin() + (codec.codes() << shift) - 1);
    // Nothing is below NaN: without a ReLU, nothing is off.
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    for (int g = 0; g < groups; g++) {
      IntVector bytes = zero;
      // From the last pixel to the first; written out twice, it exceeds what C2 inlines.
      for (int j = 1; j >= 0; j--) {
        long in = from + 4L * (2 * g + j) * channels;
        FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, in, ORDER);
        FloatVector z = value.fma(zScale, zOffset);
        VectorMask<Float> off = z.compare(VectorOperators.LE, floor);
        z.blend(floor, off).intoArray(scratch, to + (2 * g + j) * channels);
        VectorMask<Integer> under = off.cast(INTS);
        IntVector code =
            value
                .fma(scale, offset)
                .reinterpretAsInts()
                .max(value.fma(lowScale, lowOffset).reinterpretAsInts())
                .min(top.blend(below, under))
                .max(edge.blend(zero, under))
                .lanewise(VectorOperators.LSHR, shift);
        bytes =
            code.lanewise(
                VectorOperators.BITWISE_BLEND, bytes.lanewise(VectorOperators.LSHL, 4), 0xF0);
      }
      CodeVectors.store(bytes, store, copy + (long) g * channels);
    }
  }

  /** Loads {@code pixels} pixels, the last group maybe not full, of any codec. */
  static void any(
      boolean relu,
      Codec codec,
      int channels,
      int pixels,
      MemorySegment x,
      long from,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to) {
    int row = Lanes.roundUp(channels);
    FloatVector zScale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * row);
    FloatVector zOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * row);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_OFFSET * row);
    FloatVector lowScale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_CODE_SCALE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_CODE_OFFSET * row);
    IntVector zero = IntVector.broadcast(INTS, codec.origin());
    IntVector edge = relu ? edge(scratch, rows + ChannelTable.EDGE * row) : zero;
    IntVector below = edge.sub(1);
    int shift = codec.shift();
    IntVector top = IntVector.broadcast(INTS, codec.origin() + (codec.codes() << shift) - 1);
    // Nothing is below NaN: without a ReLU, nothing is off.
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    IntVector mask = IntVector.broadcast(INTS, (1 << codec.bits()) - 1);
    int group = codec.pixelsPerGroup();
    int factor = codec.isTernary() ? 3 : 1 << codec.bits();
    for (int first = 0; first < pixels; first += group) {
      IntVector word = IntVector.zero(INTS);
      int count = Math.min(group, pixels - first);
      // Digits: the most significant one first if it is the first pixel's, else from the last.
      for (int i = 0; i < count; i++) {
        int p = first + (codec.isTernary() ? i : count - 1 - i);
        FloatVector value =
            FloatVector.fromMemorySegment(FLOATS, x, from + 4L * p * channels, ORDER);
        FloatVector z = value.fma(zScale, zOffset);
        VectorMask<Float> off = z.compare(VectorOperators.LE, floor);
        z.blend(floor, off).intoArray(scratch, to + p * channels);
        VectorMask<Integer> under = off.cast(INTS);
        IntVector code =
            value
                .fma(scale, offset)
                .reinterpretAsInts()
                .max(value.fma(lowScale, lowOffset).reinterpretAsInts())
                .min(top.blend(below, under))
                .max(edge.blend(zero, under))
                .lanewise(VectorOperators.LSHR, shift)
                .and(mask);
        word = word.mul(factor).add(code);
      }
      CodeVectors.storeGroup(
          codec,
          word,
          count,
          store,
          copy + (long) (first / group) * codec.bytesPerGroup() * channels,
          channels);
    }
  }
}
