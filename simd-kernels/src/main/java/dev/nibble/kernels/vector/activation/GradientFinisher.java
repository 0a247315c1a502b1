package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
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
      if (format.isWritten() && toChannel - fromChannel == channels) {
        touch(format, channels, p, count, requireNonNull(store), copy, scratch, table);
      }
      for (int i = fromChannel; i < bound; i += LANES) {
        int c = Math.min(i, channels - LANES);
        int again = i - c;
        if (!format.isWritten()) {
          FinisherLoops.plain(channels, count, scratch, at + c, sums + c, again);
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

  /** Reads the copies of pixels ahead, whole groups of them. */
  static void touch(
      StoreFormat format,
      int channels,
      int first,
      int pixels,
      MemorySegment store,
      long copy,
      float[] scratch,
      int table) {
    int group = format.pixelsPerGroup();
    long bytes = (long) channels * format.bytesPerGroup();
    long from = copy + first / group * bytes;
    Segments.touch(store, from, pixels / group * bytes, scratch, TableRows.work(table, channels));
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
      FinisherLoops.kept(relu, channels, count, store, in, scratch, table + c, to, sums + c, again);
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
    boolean relu = activation.relu();
    if (relu && group <= 4 && first % group == 0) {
      int groups = pixels / group;
      long in = copy + (long) (first / group) * channels + c;
      switch (group) {
        case 1 ->
            FinisherLoops.one(
                codec, channels, groups, store, in, scratch, rows, at + c, sums + c, again);
        case 2 ->
            FinisherLoops.two(
                codec, channels, groups, store, in, scratch, rows, at + c, sums + c, again);
        default ->
            FinisherLoops.four(
                codec, channels, groups, store, in, scratch, rows, at + c, sums + c, again);
      }
      done = groups * group;
    }
    int column = TableRows.work(table, channels);
    for (int p = done; p < pixels; p += CodeColumns.PIXELS) {
      int count = Math.min(CodeColumns.PIXELS, pixels - p);
      int places =
          CodeColumns.places(codec, channels, first + p, count, store, copy + c, scratch, column);
      int to = at + p * stride + c;
      if (!relu && !activation.isLinear()) {
        ActivationRestorer.arguments(
            activation.nonlinearity(), channels, count, scratch, places, table, c);
        slope(activation, channels, count, scratch, table, c, to, sums, again);
      }
      FinisherLoops.column(relu, channels, count, scratch, places, rows, to, sums + c, again);
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
}
