package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.CodeVectors.INTS;
import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Segments.ORDER;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops that write codes while they load: for a vector of channels and a run of pixel groups.
 * One loop a width, because shifts must be constants.
 *
 * <p>A code is cut from the bits of v, a float from 2^K to 2^(K+1) ({@link ChannelTable}): bits of
 * positive floats are in the order of the floats, integers have no NaN to care for, and clamping
 * them takes one instruction a bound. Below the fraction's 23 - K bits nothing is read.
 */
final class CodeWriter {
  private CodeWriter() {}

  /** Loads {@code groups} groups of pixels; the parameters are those of the loops below. */
  static void encode(
      Activation activation,
      StoreFormat format,
      int channels,
      int groups,
      MemorySegment x,
      long from,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to) {
    boolean relu = activation.relu();
    switch (format) {
      case INT8 -> one(relu, channels, groups, x, from, store, copy, scratch, rows, to);
      case INT4 -> two(relu, channels, groups, x, from, store, copy, scratch, rows, to);
      case INT2 -> four(relu, channels, groups, x, from, store, copy, scratch, rows, to);
      default -> throw new IllegalArgumentException(format + " has no codes");
    }
  }

  private static void one(
      boolean relu,
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
    IntVector edge =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row)
            .add(256f)
            .reinterpretAsInts();
    IntVector below = edge.sub(1);
    IntVector zero = IntVector.broadcast(INTS, Float.floatToRawIntBits(256f));
    IntVector top = IntVector.broadcast(INTS, Float.floatToRawIntBits(512f) - 1);
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
              .min(top.blend(below, off0.cast(INTS)))
              .max(edge.blend(zero, off0.cast(INTS)));
      CodeVectors.store(
          code0.lanewise(VectorOperators.LSHR, 15), store, copy + (long) g * channels);
    }
  }

  private static void two(
      boolean relu,
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
    IntVector edge =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row)
            .add(16f)
            .reinterpretAsInts();
    IntVector below = edge.sub(1);
    IntVector zero = IntVector.broadcast(INTS, Float.floatToRawIntBits(16f));
    IntVector top = IntVector.broadcast(INTS, Float.floatToRawIntBits(32f) - 1);
    // Nothing is below NaN: without a ReLU, nothing is off.
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    for (int g = 0; g < groups; g++) {
      long in = from + 8L * g * channels;
      int at = to + 2 * g * channels;
      FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, x, in, ORDER);
      FloatVector z0 = x0.fma(zScale, zOffset);
      VectorMask<Float> off0 = z0.compare(VectorOperators.LE, floor);
      z0.blend(floor, off0).intoArray(scratch, at);
      IntVector code0 =
          x0.fma(scale, offset)
              .reinterpretAsInts()
              .min(top.blend(below, off0.cast(INTS)))
              .max(edge.blend(zero, off0.cast(INTS)));
      FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, x, in + 4L * channels, ORDER);
      FloatVector z1 = x1.fma(zScale, zOffset);
      VectorMask<Float> off1 = z1.compare(VectorOperators.LE, floor);
      z1.blend(floor, off1).intoArray(scratch, at + channels);
      IntVector code1 =
          x1.fma(scale, offset)
              .reinterpretAsInts()
              .min(top.blend(below, off1.cast(INTS)))
              .max(edge.blend(zero, off1.cast(INTS)));
      IntVector bytes =
          code0
              .lanewise(VectorOperators.LSHR, 19)
              .lanewise(
                  VectorOperators.BITWISE_BLEND, code1.lanewise(VectorOperators.LSHR, 15), 0xF0);
      CodeVectors.store(bytes, store, copy + (long) g * channels);
    }
  }

  private static void four(
      boolean relu,
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
    IntVector edge =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row)
            .add(4f)
            .reinterpretAsInts();
    IntVector below = edge.sub(1);
    IntVector zero = IntVector.broadcast(INTS, Float.floatToRawIntBits(4f));
    IntVector top = IntVector.broadcast(INTS, Float.floatToRawIntBits(8f) - 1);
    // Nothing is below NaN: without a ReLU, nothing is off.
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    for (int g = 0; g < groups; g++) {
      IntVector bytes = IntVector.zero(INTS);
      // From the last pixel to the first, so that one constant shift serves all four. The loop is
      // unrolled once all is inlined; written out, it exceeds what C2 inlines.
      for (int j = 3; j >= 0; j--) {
        long in = from + 4L * (4 * g + j) * channels;
        FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, in, ORDER);
        FloatVector z = value.fma(zScale, zOffset);
        VectorMask<Float> off = z.compare(VectorOperators.LE, floor);
        z.blend(floor, off).intoArray(scratch, to + (4 * g + j) * channels);
        IntVector code =
            value
                .fma(scale, offset)
                .reinterpretAsInts()
                .min(top.blend(below, off.cast(INTS)))
                .max(edge.blend(zero, off.cast(INTS)));
        bytes =
            bytes
                .lanewise(VectorOperators.LSHL, 2)
                .or(code.lanewise(VectorOperators.LSHR, 21).and(3));
      }
      CodeVectors.store(bytes, store, copy + (long) g * channels);
    }
  }
}
