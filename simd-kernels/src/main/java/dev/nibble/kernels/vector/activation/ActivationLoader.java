package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.base.Segments.ORDER;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Reads pixels of a picture into a tile through batch norm and ReLU and leaves its copy for the
 * backward pass, in one pass; another function's values are made a run of pixels later, in the
 * nearest cache.
 *
 * <p>A run of pixels is worked on by one vector of channels at a time, so that the coefficients
 * stay in registers; runs are short enough for the cache lines to be met again. Where channels fill
 * no whole vectors, the last one reaches back over those before; fewer take {@link ActivationTail}.
 */
public final class ActivationLoader {
  private ActivationLoader() {}

  /**
   * Loads pixels {@code [first, end)} of a picture, channels {@code [fromChannel, toChannel)}.
   *
   * @param format what is written; NONE to only read. Codes are written in whole groups: the first
   *     pixel begins one, and fromChannel a vector; the last group may be cut where the picture
   *     ends
   * @param store where the copy goes; null for NONE and KEPT
   * @param table index of the {@link TableRows} in scratch
   * @param to index in scratch of the first pixel's channel 0; pixels lie C floats apart
   */
  public static void load(
      Activation activation,
      StoreFormat format,
      FeatureMap map,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      MemorySegment x,
      @Nullable MemorySegment store,
      float[] scratch,
      int table,
      int to) {
    int channels = map.channels();
    Nonlinearity function = activation.nonlinearity();
    // What the loops below leave in the tile: values, or arguments of the function.
    boolean valued = activation.isLinear() || activation.relu();
    if (!activation.normalize() && !activation.relu() && !format.isWritten()) {
      long from = picture * map.bytes() + 4L * ((long) first * channels + fromChannel);
      int length = toChannel - fromChannel;
      Segments.copyIn(x, from, channels, scratch, to + fromChannel, length, channels, end - first);
      if (!valued) {
        apply(function, channels, end - first, fromChannel, toChannel, scratch, table, to);
      }
      return;
    }
    int bound = Lanes.bound(channels, fromChannel, toChannel);
    int group = format.pixelsPerGroup();
    int run = run(map, group);
    int column = TableRows.work(table, channels);
    long copy = picture * format.bytes(map);
    for (int p = first; p < end; p += run) {
      int count = Math.min(run, end - p);
      long in = picture * map.bytes() + 4L * p * channels;
      long out = copy + (long) p / group * channels * format.bytesPerGroup();
      int at = to + (p - first) * channels;
      if (toChannel - fromChannel == channels) {
        Segments.touch(x, in, 4L * count * channels, scratch, column);
        if (format.isWritten()) {
          long bytes = (long) (count / group) * channels * format.bytesPerGroup();
          Segments.touch(requireNonNull(store), out, bytes, scratch, column);
        }
      }
      for (int i = fromChannel; i < bound; i += LANES) {
        int c = Math.min(i, channels - LANES);
        int rows = table + c;
        switch (format) {
          case NONE, KEPT ->
              read(activation, channels, count, x, in + 4L * c, scratch, rows, at + c);
          case FP32 ->
              keep(
                  activation,
                  channels,
                  count,
                  x,
                  in + 4L * c,
                  requireNonNull(store),
                  out + 4L * c,
                  scratch,
                  rows,
                  at + c);
          default ->
              CodeWriter.encode(
                  function,
                  valued,
                  format.codec(),
                  channels,
                  count,
                  x,
                  in + 4L * c,
                  requireNonNull(store),
                  out + c,
                  scratch,
                  rows,
                  at + c,
                  column);
        }
      }
      if (bound < toChannel) {
        ActivationTail.load(
            activation,
            format,
            channels,
            count,
            bound,
            toChannel,
            x,
            in,
            store,
            out,
            scratch,
            table,
            at);
      }
      if (!valued) {
        apply(function, channels, count, fromChannel, toChannel, scratch, table, at);
      }
    }
  }

  /** Replaces arguments by a function's values; {@code at} is the index of the first channel 0. */
  private static void apply(
      Nonlinearity function,
      int channels,
      int pixels,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int table,
      int at) {
    int work = TableRows.work(table, channels);
    if (function.hasSlope()) {
      slopes(channels, pixels, fromChannel, toChannel, scratch, table, at);
    } else if (toChannel - fromChannel == channels) {
      FunctionValues.apply(function, scratch, at, pixels * channels, work);
    } else {
      for (int p = 0; p < pixels; p++) {
        int from = at + p * channels + fromChannel;
        FunctionValues.apply(function, scratch, from, toChannel - fromChannel, work);
      }
    }
  }

  private static void slopes(
      int channels,
      int pixels,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int table,
      int at) {
    int slopes = table + ChannelTable.SLOPE * Lanes.roundUp(channels);
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    for (int c = fromChannel; c < bound; c += LANES) {
      FunctionValues.slopes(scratch, at + c, channels, pixels, slopes + c);
    }
    for (int c = Math.max(fromChannel, bound); c < toChannel; c++) {
      for (int i = at + c; i < at + pixels * channels; i += channels) {
        scratch[i] = scratch[i] <= 0 ? scratch[i] * scratch[slopes + c] : scratch[i];
      }
    }
  }

  /** Pixels that are worked on at a time: as many as stay in the nearest cache, by eights. */
  public static int run(FeatureMap map) {
    return Math.max(16, 4096 / map.channels() & ~7);
  }

  /** The same, in whole groups of pixels. */
  public static int run(FeatureMap map, int group) {
    int run = run(map);
    return Math.max(group, run - run % group);
  }

  private static void read(
      Activation activation,
      int channels,
      int pixels,
      MemorySegment x,
      long from,
      float[] scratch,
      int rows,
      int to) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * row);
    FloatVector floor = FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
    for (int p = 0; p < pixels; p++) {
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, from + 4L * p * channels, ORDER);
      FloatVector z = value.fma(scale, offset);
      // NaN is not below 0: it must reach the loss, not hide behind a ReLU.
      z.blend(floor, z.compare(VectorOperators.LE, floor)).intoArray(scratch, to + p * channels);
    }
  }

  private static void keep(
      Activation activation,
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
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * row);
    FloatVector floor = FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
    for (int p = 0; p < pixels; p++) {
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, from + 4L * p * channels, ORDER);
      value.intoMemorySegment(store, copy + 4L * p * channels, ORDER);
      FloatVector z = value.fma(scale, offset);
      z.blend(floor, z.compare(VectorOperators.LE, floor)).intoArray(scratch, to + p * channels);
    }
  }
}
