package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.activation.CodeVectors.INTS;
import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops that write codes while they load: for a vector of channels and a run of pixel groups. A
 * loop each for the codecs of one and of two pixels a byte behind a ReLU or none; all others leave
 * their codes in a column, which {@link CodeColumns} packs.
 *
 * <p>A code is cut from the bits of v ({@link Codec}): bits of positive floats are in the order of
 * the floats, integers have no NaN to care for, and clamping them takes one instruction a bound.
 */
final class CodeWriter {
  private CodeWriter() {}

  /**
   * Loads {@code pixels} pixels, of which the first begins a group; the last group may be cut where
   * the picture ends. The tile gets the value behind a ReLU or none ({@code valued}), else the
   * function's argument.
   *
   * @param from byte offset of the first pixel's vector in x
   * @param copy byte offset of the first group's vector in the store
   * @param rows index of the vector's {@link TableRows}
   * @param to index of the first pixel's vector in the tile, C floats a pixel
   * @param column index of {@link CodeColumns#SIZE} floats
   */
  static void encode(
      Nonlinearity function,
      boolean valued,
      Codec codec,
      int channels,
      int pixels,
      MemorySegment x,
      long from,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to,
      int column) {
    boolean relu = function instanceof Nonlinearity.Relu;
    int group = codec.pixelsPerGroup();
    if (group > 2 || !valued) {
      any(
          function, valued, codec, channels, pixels, x, from, store, copy, scratch, rows, to,
          column);
      return;
    }
    int groups = pixels / group;
    if (group == 1) {
      one(relu, codec, channels, groups, x, from, store, copy, scratch, rows, to);
      return;
    }
    two(relu, codec, channels, groups, x, from, store, copy, scratch, rows, to);
    int whole = groups * group;
    if (whole < pixels) {
      long in = from + 4L * whole * channels;
      long out = copy + (long) groups * channels;
      int at = to + whole * channels;
      any(function, true, codec, channels, 1, x, in, store, out, scratch, rows, at, column);
    }
  }

  /** Where the codes above a ReLU's edge, or another function's, begin. */
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
    IntVector edge = relu ? edge(scratch, rows + ChannelTable.LOW * row) : zero;
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
    IntVector edge = relu ? edge(scratch, rows + ChannelTable.LOW * row) : zero;
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

  /** Loads {@code pixels} pixels, the last group maybe not full, of any codec and function. */
  private static void any(
      Nonlinearity function,
      boolean valued,
      Codec codec,
      int channels,
      int pixels,
      MemorySegment x,
      long from,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to,
      int column) {
    long bytes = (long) codec.bytesPerGroup() * channels;
    boolean relu = function instanceof Nonlinearity.Relu;
    int most = CodeColumns.wholePixels(codec);
    for (int p = 0; p < pixels; p += most) {
      int count = Math.min(most, pixels - p);
      long in = from + 4L * p * channels;
      int at = to + p * channels;
      if (valued) {
        masked(relu, codec, channels, count, x, in, scratch, rows, at, column);
      } else {
        sided(function, codec, channels, count, x, in, scratch, rows, at, column);
      }
      long out = copy + p / codec.pixelsPerGroup() * bytes;
      CodeColumns.pack(codec, channels, count, scratch, column, store, out);
    }
  }

  /** Leaves codes in a column, and the value behind a ReLU or none in the tile. */
  private static void masked(
      boolean relu,
      Codec codec,
      int channels,
      int pixels,
      MemorySegment x,
      long from,
      float[] scratch,
      int rows,
      int to,
      int column) {
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
    IntVector edge = relu ? edge(scratch, rows + ChannelTable.LOW * row) : zero;
    IntVector below = edge.sub(1);
    int shift = codec.shift();
    IntVector top = IntVector.broadcast(INTS, codec.origin() + (codec.codes() << shift) - 1);
    // Nothing is below NaN: without a ReLU, nothing is off.
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    IntVector mask = IntVector.broadcast(INTS, (1 << codec.bits()) - 1);
    for (int p = 0; p < pixels; p++) {
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, from + 4L * p * channels, ORDER);
      FloatVector z = value.fma(zScale, zOffset);
      VectorMask<Float> off = z.compare(VectorOperators.LE, floor);
      z.blend(floor, off).intoArray(scratch, to + p * channels);
      VectorMask<Integer> under = off.cast(INTS);
      value
          .fma(scale, offset)
          .reinterpretAsInts()
          .max(value.fma(lowScale, lowOffset).reinterpretAsInts())
          .min(top.blend(below, under))
          .max(edge.blend(zero, under))
          .lanewise(VectorOperators.LSHR, shift)
          .and(mask)
          .reinterpretAsFloats()
          .intoArray(scratch, column + p * LANES);
    }
  }

  /** Leaves codes in a column that keep the sides of a function's edges, and z in the tile. */
  private static void sided(
      Nonlinearity function,
      Codec codec,
      int channels,
      int pixels,
      MemorySegment x,
      long from,
      float[] scratch,
      int rows,
      int to,
      int column) {
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
    IntVector low = edge(scratch, rows + ChannelTable.LOW * row);
    IntVector high = edge(scratch, rows + ChannelTable.HIGH * row);
    int shift = codec.shift();
    IntVector top = IntVector.broadcast(INTS, codec.origin() + (codec.codes() << shift));
    // Nothing lies beyond NaN.
    FloatVector least =
        FloatVector.broadcast(FLOATS, function.hasLowEdge() ? function.lowEdge() : Float.NaN);
    FloatVector most =
        FloatVector.broadcast(FLOATS, function.hasHighEdge() ? function.highEdge() : Float.NaN);
    IntVector mask = IntVector.broadcast(INTS, (1 << codec.bits()) - 1);
    for (int p = 0; p < pixels; p++) {
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, from + 4L * p * channels, ORDER);
      FloatVector z = value.fma(zScale, zOffset);
      z.intoArray(scratch, to + p * channels);
      VectorMask<Integer> under = z.compare(VectorOperators.LE, least).cast(INTS);
      VectorMask<Integer> over = z.compare(VectorOperators.GE, most).cast(INTS);
      value
          .fma(scale, offset)
          .reinterpretAsInts()
          .max(value.fma(lowScale, lowOffset).reinterpretAsInts())
          .min(high.blend(low, under).blend(top, over).sub(1))
          .max(low.blend(zero, under).blend(high, over))
          .lanewise(VectorOperators.LSHR, shift)
          .and(mask)
          .reinterpretAsFloats()
          .intoArray(scratch, column + p * LANES);
    }
  }
}
