package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.CodeLanes.INTS;
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
 * <p>Clamping is done on integers: v is cut to the same code before as after it, and integers have
 * no NaN to care for. On the positive side of the ReLU a code lies in [edge, top], else in [0, edge
 * - 1].
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
    boolean raw = !activation.normalize();
    boolean relu = activation.relu();
    switch (format) {
      case INT8 -> one(raw, relu, channels, groups, x, from, store, copy, scratch, rows, to);
      case INT4 -> two(raw, relu, channels, groups, x, from, store, copy, scratch, rows, to);
      case INT2 -> four(raw, relu, channels, groups, x, from, store, copy, scratch, rows, to);
      default -> throw new IllegalArgumentException(format + " has no codes");
    }
  }

  private static void one(
      boolean isRaw,
      boolean isRelu,
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
    FloatVector mean = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.MEAN * row);
    FloatVector rsd = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.RSD * row);
    FloatVector gamma = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.GAMMA * row);
    FloatVector beta = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.BETA * row);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_OFFSET * row);
    IntVector least =
        (IntVector)
            FloatVector.fromArray(FLOATS, scratch, rows + TableRows.LEAST * row)
                .convertShape(VectorOperators.F2I, INTS, 0);
    IntVector most =
        (IntVector)
            FloatVector.fromArray(FLOATS, scratch, rows + TableRows.MOST * row)
                .convertShape(VectorOperators.F2I, INTS, 0);
    VectorMask<Float> raw = FLOATS.maskAll(isRaw);
    FloatVector floor = FloatVector.broadcast(FLOATS, isRelu ? 0f : Float.NEGATIVE_INFINITY);
    for (int g = 0; g < groups; g++) {
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, from + 4L * g * channels, ORDER);
      FloatVector hat = value.sub(mean).mul(rsd);
      FloatVector z = hat.fma(gamma, beta).blend(value, raw);
      VectorMask<Float> side = z.compare(VectorOperators.GT, 0f);
      IntVector code =
          ((IntVector) hat.fma(scale, offset).convertShape(VectorOperators.F2I, INTS, 0))
              .max(IntVector.zero(INTS).blend(least, side.cast(INTS)))
              .min(most.blend(255, side.cast(INTS)));
      CodeLanes.store(code, store, copy + (long) g * channels);
      z.blend(floor, z.compare(VectorOperators.LE, floor)).intoArray(scratch, to + g * channels);
    }
  }

  private static void two(
      boolean isRaw,
      boolean isRelu,
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
    FloatVector mean = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.MEAN * row);
    FloatVector rsd = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.RSD * row);
    FloatVector gamma = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.GAMMA * row);
    FloatVector beta = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.BETA * row);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_OFFSET * row);
    IntVector least =
        (IntVector)
            FloatVector.fromArray(FLOATS, scratch, rows + TableRows.LEAST * row)
                .convertShape(VectorOperators.F2I, INTS, 0);
    IntVector most =
        (IntVector)
            FloatVector.fromArray(FLOATS, scratch, rows + TableRows.MOST * row)
                .convertShape(VectorOperators.F2I, INTS, 0);
    VectorMask<Float> raw = FLOATS.maskAll(isRaw);
    FloatVector floor = FloatVector.broadcast(FLOATS, isRelu ? 0f : Float.NEGATIVE_INFINITY);
    for (int g = 0; g < groups; g++) {
      long in = from + 8L * g * channels;
      int at = to + 2 * g * channels;
      FloatVector value0 = FloatVector.fromMemorySegment(FLOATS, x, in, ORDER);
      FloatVector hat0 = value0.sub(mean).mul(rsd);
      FloatVector z0 = hat0.fma(gamma, beta).blend(value0, raw);
      z0.blend(floor, z0.compare(VectorOperators.LE, floor)).intoArray(scratch, at);
      VectorMask<Float> side0 = z0.compare(VectorOperators.GT, 0f);
      IntVector code0 =
          ((IntVector) hat0.fma(scale, offset).convertShape(VectorOperators.F2I, INTS, 0))
              .max(IntVector.zero(INTS).blend(least, side0.cast(INTS)))
              .min(most.blend(15, side0.cast(INTS)));
      FloatVector value1 = FloatVector.fromMemorySegment(FLOATS, x, in + 4L * channels, ORDER);
      FloatVector hat1 = value1.sub(mean).mul(rsd);
      FloatVector z1 = hat1.fma(gamma, beta).blend(value1, raw);
      z1.blend(floor, z1.compare(VectorOperators.LE, floor)).intoArray(scratch, at + channels);
      VectorMask<Float> side1 = z1.compare(VectorOperators.GT, 0f);
      IntVector code1 =
          ((IntVector) hat1.fma(scale, offset).convertShape(VectorOperators.F2I, INTS, 0))
              .max(IntVector.zero(INTS).blend(least, side1.cast(INTS)))
              .min(most.blend(15, side1.cast(INTS)));
      IntVector bytes = code0.or(code1.lanewise(VectorOperators.LSHL, 4));
      CodeLanes.store(bytes, store, copy + (long) g * channels);
    }
  }

  private static void four(
      boolean isRaw,
      boolean isRelu,
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
    FloatVector mean = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.MEAN * row);
    FloatVector rsd = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.RSD * row);
    FloatVector gamma = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.GAMMA * row);
    FloatVector beta = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.BETA * row);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.CODE_OFFSET * row);
    IntVector least =
        (IntVector)
            FloatVector.fromArray(FLOATS, scratch, rows + TableRows.LEAST * row)
                .convertShape(VectorOperators.F2I, INTS, 0);
    IntVector most =
        (IntVector)
            FloatVector.fromArray(FLOATS, scratch, rows + TableRows.MOST * row)
                .convertShape(VectorOperators.F2I, INTS, 0);
    VectorMask<Float> raw = FLOATS.maskAll(isRaw);
    FloatVector floor = FloatVector.broadcast(FLOATS, isRelu ? 0f : Float.NEGATIVE_INFINITY);
    for (int g = 0; g < groups; g++) {
      IntVector bytes = IntVector.zero(INTS);
      // From the last pixel to the first, so that one constant shift serves all four.
      for (int j = 3; j >= 0; j--) {
        FloatVector value =
            FloatVector.fromMemorySegment(FLOATS, x, from + 4L * (4 * g + j) * channels, ORDER);
        FloatVector hat = value.sub(mean).mul(rsd);
        FloatVector z = hat.fma(gamma, beta).blend(value, raw);
        z.blend(floor, z.compare(VectorOperators.LE, floor))
            .intoArray(scratch, to + (4 * g + j) * channels);
        VectorMask<Float> side = z.compare(VectorOperators.GT, 0f);
        IntVector code =
            ((IntVector) hat.fma(scale, offset).convertShape(VectorOperators.F2I, INTS, 0))
                .max(IntVector.zero(INTS).blend(least, side.cast(INTS)))
                .min(most.blend(3, side.cast(INTS)));
        bytes = bytes.lanewise(VectorOperators.LSHL, 2).or(code);
      }
      CodeLanes.store(bytes, store, copy + (long) g * channels);
    }
  }
}
