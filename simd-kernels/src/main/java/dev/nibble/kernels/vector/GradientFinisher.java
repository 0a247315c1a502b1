package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.Segments.ORDER;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * The way back through the ReLU: masks the activation's gradient where it lies, takes sum(d) and
 * sum(d * hat~) along, and writes it to its buffer.
 *
 * <p>The sums' region holds two rows of channels, sum(d) and sum(d * hat~).
 */
final class GradientFinisher {
  private GradientFinisher() {}

  /**
   * Finishes pixels {@code [first, end)} of a picture, channels {@code [fromChannel, toChannel)}.
   * The first pixel begins a byte of codes, and fromChannel a vector.
   *
   * @param store the activation's copy; null for NONE and KEPT
   * @param table index of the {@link TableRows} in scratch
   * @param data index in scratch of the first pixel's gradient, whole vectors a pixel
   * @param sums index of the sums in scratch
   * @param dx where d goes, or null
   */
  static void finish(
      Activation activation,
      FeatureMap map,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      @Nullable MemorySegment store,
      float[] scratch,
      int table,
      int data,
      int sums,
      @Nullable MemorySegment dx) {
    StoreFormat format = activation.store();
    int channels = map.channels();
    int stride = Lanes.roundUp(channels);
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int group = format.pixelsPerGroup();
    int run = ActivationLoader.run(map);
    int bytes = format == StoreFormat.FP32 ? 4 : 1;
    long copy = picture * format.bytes(map);
    for (int p = first; p < end; p += run) {
      int count = Math.min(run, end - p);
      int groups = count / group;
      int whole = groups * group;
      long from = copy + (long) p / group * channels * bytes;
      int at = data + (p - first) * stride;
      for (int c = fromChannel; c < bound; c += LANES) {
        long in = from + (long) c * bytes;
        int rows = table + c;
        switch (format) {
          case NONE, KEPT -> plain(channels, count, scratch, at + c, sums + c);
          case FP32 ->
              kept(
                  activation,
                  channels,
                  count,
                  requireNonNull(store),
                  in,
                  scratch,
                  rows,
                  at + c,
                  sums + c);
          case INT8 ->
              one(channels, groups, requireNonNull(store), in, scratch, rows, at + c, sums + c);
          case INT4 ->
              two(channels, groups, requireNonNull(store), in, scratch, rows, at + c, sums + c);
          case INT2 ->
              four(channels, groups, requireNonNull(store), in, scratch, rows, at + c, sums + c);
        }
      }
      if (bound < toChannel) {
        FinisherTail.finish(
            activation, channels, whole, bound, toChannel, store, from, scratch, table, at, sums);
      }
      if (whole < count) {
        FinisherTail.finish(
            activation,
            channels,
            count - whole,
            fromChannel,
            toChannel,
            store,
            from + (long) groups * channels,
            scratch,
            table,
            at + whole * stride,
            sums);
      }
      if (dx != null) {
        long to = picture * map.bytes() + 4L * ((long) p * channels + fromChannel);
        int length = toChannel - fromChannel;
        Segments.copyOut(scratch, at + fromChannel, stride, dx, to, length, channels, count);
      }
    }
  }

  private static void plain(int channels, int pixels, float[] scratch, int at, int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      sum = sum.add(FloatVector.fromArray(FLOATS, scratch, at + p * stride));
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
  }

  private static void kept(
      Activation activation,
      int channels,
      int pixels,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * stride);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector base =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector floor = FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
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
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }

  private static void one(
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector base =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      FloatVector code =
          (FloatVector)
              CodeVectors.load(store, from + (long) g * channels)
                  .convertShape(VectorOperators.I2F, FLOATS, 0);
      FloatVector d =
          FloatVector.fromArray(FLOATS, scratch, at + g * stride)
              .blend(0f, code.compare(VectorOperators.LT, edge));
      d.intoArray(scratch, at + g * stride);
      sum = sum.add(d);
      dot = d.fma(code.fma(unit, base), dot);
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }

  private static void two(
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector base =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector sum0 = FloatVector.zero(FLOATS);
    FloatVector sum1 = FloatVector.zero(FLOATS);
    FloatVector dot0 = FloatVector.zero(FLOATS);
    FloatVector dot1 = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      int to = at + 2 * g * stride;
      FloatVector code0 = (FloatVector) codes.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
      FloatVector d0 =
          FloatVector.fromArray(FLOATS, scratch, to)
              .blend(0f, code0.compare(VectorOperators.LT, edge));
      d0.intoArray(scratch, to);
      sum0 = sum0.add(d0);
      dot0 = d0.fma(code0.fma(unit, base), dot0);
      FloatVector code1 =
          (FloatVector)
              codes.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
      FloatVector d1 =
          FloatVector.fromArray(FLOATS, scratch, to + stride)
              .blend(0f, code1.compare(VectorOperators.LT, edge));
      d1.intoArray(scratch, to + stride);
      sum1 = sum1.add(d1);
      dot1 = d1.fma(code1.fma(unit, base), dot1);
    }
    FloatVector sum = sum0.add(sum1);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot0.add(dot1))
        .intoArray(scratch, sums + stride);
  }

  private static void four(
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector base =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        FloatVector code = (FloatVector) codes.and(3).convertShape(VectorOperators.I2F, FLOATS, 0);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
        int to = at + (4 * g + j) * stride;
        FloatVector d =
            FloatVector.fromArray(FLOATS, scratch, to)
                .blend(0f, code.compare(VectorOperators.LT, edge));
        d.intoArray(scratch, to);
        sum = sum.add(d);
        dot = d.fma(code.fma(unit, base), dot);
      }
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }
}
