package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * The way back through the nonlinearity: takes the activation's gradient times the derivative where
 * it lies, takes sum(d) and sum(d * hat~) along, and writes it to its buffer.
 *
 * <p>The sums' region holds three rows of channels: sum(d), sum(d * hat~), and, of a function with
 * slopes, sum(da * min(z~, 0)).
 */
public final class GradientFinisher {
  private GradientFinisher() {}

  /**
   * Finishes pixels {@code [first, end)} of a picture, channels {@code [fromChannel, toChannel)}.
   * fromChannel begins a vector.
   *
   * @param store the activation's copy; null for NONE and KEPT
   * @param table index of the {@link TableRows} in scratch
   * @param data index in scratch of the first pixel's gradient, whole vectors a pixel
   * @param sums index of the sums in scratch
   * @param dx where d goes, or null
   */
  public static void finish(
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
    int bound = Lanes.bound(channels, fromChannel, toChannel);
    int run = ActivationLoader.run(map, format.pixelsPerGroup());
    long copy = picture * format.bytes(map);
    int count;
    for (int p = first; p < end; p += count) {
      count = Math.min(run - p % format.pixelsPerGroup(), end - p);
      int at = data + (p - first) * stride;
      for (int i = fromChannel; i < bound; i += LANES) {
        int c = Math.min(i, channels - LANES);
        int again = i - c;
        if (!format.isWritten()) {
          plain(channels, count, scratch, at + c, sums + c, again);
        } else if (format == StoreFormat.FP32) {
          long in = copy + 4L * ((long) p * channels + c);
          MemorySegment copies = requireNonNull(store);
          exact(activation, channels, count, copies, in, scratch, table, c, at, sums, again);
        } else {
          MemorySegment copies = requireNonNull(store);
          coded(activation, channels, p, count, copies, copy, scratch, table, c, at, sums, again);
        }
      }
      if (bound < toChannel) {
        FinisherTail.finish(
            activation,
            channels,
            p,
            count,
            bound,
            toChannel,
            store,
            copy,
            scratch,
            table,
            at,
            sums);
      }
      if (dx != null) {
        long to = picture * map.bytes() + 4L * ((long) p * channels + fromChannel);
        int length = toChannel - fromChannel;
        Segments.copyOut(scratch, at + fromChannel, stride, dx, to, length, channels, count);
      }
    }
  }

  /**
   * A vector of channels, from its first c on, of pixels that were stored in fp32.
   *
   * @param again how many of its first lanes another vector has done already
   */
  private static void exact(
      Activation activation,
      int channels,
      int pixels,
      MemorySegment store,
      long from,
      float[] scratch,
      int table,
      int c,
      int at,
      int sums,
      int again) {
    int stride = Lanes.roundUp(channels);
    boolean direct = activation.relu() || activation.isLinear();
    int step = direct ? pixels : CodeColumns.PIXELS;
    for (int p = 0; p < pixels; p += step) {
      int count = Math.min(step, pixels - p);
      long in = from + 4L * p * channels;
      int to = at + p * stride + c;
      if (!direct) {
        int column = TableRows.second(table, channels);
        ActivationRestorer.kept(
            false, channels, count, store, in, scratch, table + c, column, LANES);
        slope(activation, channels, count, scratch, table, c, to, sums, again);
      }
      boolean relu = activation.relu();
      kept(relu, channels, count, store, in, scratch, table + c, to, sums + c, again);
    }
  }

  /** The same of pixels from {@code first} on that were stored as codes. */
  private static void coded(
      Activation activation,
      int channels,
      int first,
      int pixels,
      MemorySegment store,
      long copy,
      float[] scratch,
      int table,
      int c,
      int at,
      int sums,
      int again) {
    Codec codec = activation.store().codec();
    int stride = Lanes.roundUp(channels);
    int rows = table + c;
    int group = codec.pixelsPerGroup();
    int done = 0;
    boolean relu = activation.relu() && activation.isDirect();
    if (relu && group <= 4 && first % group == 0) {
      int groups = pixels / group;
      long in = copy + (long) (first / group) * channels + c;
      switch (group) {
        case 1 -> one(codec, channels, groups, store, in, scratch, rows, at + c, sums + c, again);
        case 2 -> two(codec, channels, groups, store, in, scratch, rows, at + c, sums + c, again);
        default -> four(codec, channels, groups, store, in, scratch, rows, at + c, sums + c, again);
      }
      done = groups * group;
    }
    int column = TableRows.work(table, channels);
    for (int p = done; p < pixels; p += CodeColumns.PIXELS) {
      int count = Math.min(CodeColumns.PIXELS, pixels - p);
      int places =
          CodeColumns.places(codec, channels, first + p, count, store, copy + c, scratch, column);
      int to = at + p * stride + c;
      if (!activation.isDirect()) {
        ActivationRestorer.arguments(
            activation.nonlinearity(), channels, count, scratch, places, table, c);
        slope(activation, channels, count, scratch, table, c, to, sums, again);
      }
      column(relu, channels, count, scratch, places, rows, to, sums + c, again);
    }
  }

  /** Takes gradients times the function's derivative at the arguments in the second column. */
  private static void slope(
      Activation activation,
      int channels,
      int pixels,
      float[] scratch,
      int table,
      int c,
      int at,
      int sums,
      int again) {
    Nonlinearity function = activation.nonlinearity();
    int stride = Lanes.roundUp(channels);
    int column = TableRows.second(table, channels);
    if (function.hasSlope()) {
      below(stride, pixels, scratch, column, at, sums + 2 * stride + c, again);
    }
    int slopes = table + ChannelTable.SLOPE * stride + c;
    int work = TableRows.third(table, channels);
    FunctionSlopes.apply(function, scratch, column, pixels * LANES, work, slopes);
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    for (int p = 0; p < pixels; p++) {
      FloatVector d = FloatVector.fromArray(FLOATS, scratch, at + p * stride);
      FloatVector factor = FloatVector.fromArray(FLOATS, scratch, column + p * LANES);
      d.mul(factor).blend(d, done).intoArray(scratch, at + p * stride);
    }
  }

  /** sum(da * min(z, 0)), of arguments in a column. */
  private static void below(
      int stride, int pixels, float[] scratch, int column, int at, int sums, int again) {
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      FloatVector d = FloatVector.fromArray(FLOATS, scratch, at + p * stride);
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, column + p * LANES);
      sum = d.fma(z.blend(0f, z.compare(VectorOperators.GT, 0f)), sum);
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
  }

  private static void plain(
      int channels, int pixels, float[] scratch, int at, int sums, int again) {
    int stride = Lanes.roundUp(channels);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      sum = sum.add(FloatVector.fromArray(FLOATS, scratch, at + p * stride));
    }
    FloatVector numbers = FloatVector.fromArray(FLOATS, Lanes.NUMBERS, 0);
    VectorMask<Float> done = numbers.compare(VectorOperators.LT, (float) again);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum.blend(0f, done)).intoArray(scratch, sums);
  }

  private static void kept(
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

  private static void one(
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
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
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

  private static void two(
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
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
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

  private static void four(
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
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
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
  private static void column(
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
    FloatVector mask = relu ? edge : FloatVector.broadcast(FLOATS, Float.NaN);
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
