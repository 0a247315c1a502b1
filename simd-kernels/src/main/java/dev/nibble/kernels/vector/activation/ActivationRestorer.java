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

/** Restores pixels of a picture's activation from their stored copy, into a tile. */
public final class ActivationRestorer {
  private ActivationRestorer() {}

  /**
   * Restores pixels {@code [first, end)} of a picture, channels {@code [fromChannel, toChannel)}.
   * fromChannel begins a vector.
   *
   * @param x the kept input, for KEPT
   * @param store the stored copy, for all others
   * @param table index of the {@link TableRows} in scratch
   * @param to index in scratch of the first pixel's channel 0
   * @param stride floats from pixel to pixel in scratch
   */
  public static void restore(
      Activation activation,
      FeatureMap map,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      @Nullable MemorySegment x,
      @Nullable MemorySegment store,
      float[] scratch,
      int table,
      int to,
      int stride) {
    int channels = map.channels();
    StoreFormat format = activation.store();
    if (format == StoreFormat.KEPT) {
      long from = picture * map.bytes() + 4L * ((long) first * channels + fromChannel);
      int length = toChannel - fromChannel;
      Segments.copyIn(
          requireNonNull(x),
          from,
          channels,
          scratch,
          to + fromChannel,
          length,
          stride,
          end - first);
      return;
    }
    MemorySegment copies = requireNonNull(store);
    int bound = Lanes.bound(channels, fromChannel, toChannel);
    int run = ActivationLoader.run(map, format.pixelsPerGroup());
    long copy = picture * format.bytes(map);
    int count;
    for (int p = first; p < end; p += count) {
      count = Math.min(run - p % format.pixelsPerGroup(), end - p);
      int at = to + (p - first) * stride;
      if (toChannel - fromChannel == channels) {
        GradientFinisher.touch(format, channels, p, count, copies, copy, scratch, table);
      }
      for (int i = fromChannel; i < bound; i += LANES) {
        int c = Math.min(i, channels - LANES);
        if (format == StoreFormat.FP32) {
          long in = copy + 4L * ((long) p * channels + c);
          exact(activation, channels, count, copies, in, scratch, table, c, at, stride);
        } else {
          coded(activation, channels, p, count, copies, copy, scratch, table, c, at, stride);
        }
      }
      if (bound < toChannel) {
        ActivationTail.restore(
            activation,
            channels,
            p,
            count,
            bound,
            toChannel,
            copies,
            copy,
            scratch,
            table,
            at,
            stride);
      }
    }
  }

  /** A vector of channels, from its first c on, of pixels that were stored in fp32. */
  private static void exact(
      Activation activation,
      int channels,
      int pixels,
      MemorySegment store,
      long from,
      float[] scratch,
      int table,
      int c,
      int to,
      int stride) {
    if (activation.relu() || activation.isLinear()) {
      kept(activation.relu(), channels, pixels, store, from, scratch, table + c, to + c, stride);
      return;
    }
    for (int p = 0; p < pixels; p += CodeColumns.PIXELS) {
      int count = Math.min(CodeColumns.PIXELS, pixels - p);
      long in = from + 4L * p * channels;
      int column = TableRows.second(table, channels);
      kept(false, channels, count, store, in, scratch, table + c, column, LANES);
      values(activation, channels, count, scratch, table, c, to + p * stride, stride);
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
      int to,
      int stride) {
    Codec codec = activation.store().codec();
    int rows = table + c;
    int group = codec.pixelsPerGroup();
    int done = 0;
    boolean direct = activation.isDirect();
    if (direct && activation.relu() && group <= 4 && first % group == 0) {
      int groups = pixels / group;
      long in = copy + (long) (first / group) * channels + c;
      switch (group) {
        case 1 -> one(codec, channels, groups, store, in, scratch, rows, to + c, stride);
        case 2 -> two(codec, channels, groups, store, in, scratch, rows, to + c, stride);
        default -> four(codec, channels, groups, store, in, scratch, rows, to + c, stride);
      }
      done = groups * group;
    }
    int column = TableRows.work(table, channels);
    for (int p = done; p < pixels; p += CodeColumns.PIXELS) {
      int count = Math.min(CodeColumns.PIXELS, pixels - p);
      int places =
          CodeColumns.places(codec, channels, first + p, count, store, copy + c, scratch, column);
      int at = to + p * stride;
      if (direct) {
        lines(channels, count, scratch, places, rows, at + c, stride);
      } else if (activation.relu()) {
        rectified(channels, count, scratch, places, rows, at + c, stride);
      } else {
        arguments(activation.nonlinearity(), channels, count, scratch, places, table, c);
        values(activation, channels, count, scratch, table, c, at, stride);
      }
    }
  }

  /** Applies the function to the second column and copies it to the tile. */
  private static void values(
      Activation activation,
      int channels,
      int pixels,
      float[] scratch,
      int table,
      int c,
      int to,
      int stride) {
    Nonlinearity function = activation.nonlinearity();
    int column = TableRows.second(table, channels);
    if (function.hasSlope()) {
      int slopes = table + ChannelTable.SLOPE * Lanes.roundUp(channels) + c;
      FunctionValues.slopes(scratch, column, LANES, pixels, slopes);
    } else {
      int work = TableRows.third(table, channels);
      FunctionValues.apply(function, scratch, column, pixels * LANES, work);
    }
    for (int p = 0; p < pixels; p++) {
      FloatVector.fromArray(FLOATS, scratch, column + p * LANES)
          .intoArray(scratch, to + p * stride + c);
    }
  }

  /**
   * Leaves the arguments of a function in the second column, on the sides of its edges that their
   * codes say, for a vector of channels from c on.
   *
   * @param places index of the column of the codes' places
   */
  static void arguments(
      Nonlinearity function,
      int channels,
      int pixels,
      float[] scratch,
      int places,
      int table,
      int c) {
    int column = TableRows.second(table, channels);
    lines(channels, pixels, scratch, places, table + c, column, LANES);
    int row = Lanes.roundUp(channels);
    if (function.hasLowEdge()) {
      float edge = function.lowEdge();
      int side = table + ChannelTable.LOW * row + c;
      keepLow(pixels, scratch, places, side, edge, Math.nextUp(edge), column);
    }
    if (function.hasHighEdge()) {
      float edge = function.highEdge();
      int side = table + ChannelTable.HIGH * row + c;
      keepHigh(pixels, scratch, places, side, edge, Math.nextDown(edge), column);
    }
  }

  /** Moves arguments to the side of the low edge on which their codes lie. */
  private static void keepLow(
      int pixels, float[] scratch, int places, int side, float edge, float above, int column) {
    FloatVector start = FloatVector.fromArray(FLOATS, scratch, side);
    FloatVector least = FloatVector.broadcast(FLOATS, edge);
    FloatVector next = FloatVector.broadcast(FLOATS, above);
    for (int i = 0; i < pixels * LANES; i += LANES) {
      FloatVector w = FloatVector.fromArray(FLOATS, scratch, places + i);
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, column + i);
      VectorMask<Float> under = w.compare(VectorOperators.LT, start);
      VectorMask<Float> wrong = z.compare(VectorOperators.LE, least).xor(under);
      z.blend(next.blend(least, under), wrong).intoArray(scratch, column + i);
    }
  }

  /** Likewise for the high edge. */
  private static void keepHigh(
      int pixels, float[] scratch, int places, int side, float edge, float below, int column) {
    FloatVector start = FloatVector.fromArray(FLOATS, scratch, side);
    FloatVector most = FloatVector.broadcast(FLOATS, edge);
    FloatVector next = FloatVector.broadcast(FLOATS, below);
    for (int i = 0; i < pixels * LANES; i += LANES) {
      FloatVector w = FloatVector.fromArray(FLOATS, scratch, places + i);
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, column + i);
      VectorMask<Float> over = w.compare(VectorOperators.GE, start);
      VectorMask<Float> wrong = z.compare(VectorOperators.GE, most).xor(over);
      z.blend(next.blend(most, over), wrong).intoArray(scratch, column + i);
    }
  }

  /** What the rows of the activation make of a column of places. */
  private static void lines(
      int channels, int pixels, float[] scratch, int places, int rows, int to, int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    FloatVector lowScale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_ACT_SCALE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_ACT_OFFSET * row);
    for (int p = 0; p < pixels; p++) {
      FloatVector w = FloatVector.fromArray(FLOATS, scratch, places + p * LANES);
      w.fma(scale, offset)
          .blend(w.fma(lowScale, lowOffset), w.compare(VectorOperators.LT, edge))
          .intoArray(scratch, to + p * stride);
    }
  }

  /** The same behind a ReLU whose edge may lie on either line: its codes say the side. */
  private static void rectified(
      int channels, int pixels, float[] scratch, int places, int rows, int to, int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    FloatVector lowScale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_ACT_SCALE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_ACT_OFFSET * row);
    FloatVector start = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW * row);
    FloatVector least = FloatVector.broadcast(FLOATS, Math.nextUp(0f));
    for (int p = 0; p < pixels; p++) {
      FloatVector w = FloatVector.fromArray(FLOATS, scratch, places + p * LANES);
      FloatVector z =
          w.fma(scale, offset)
              .blend(w.fma(lowScale, lowOffset), w.compare(VectorOperators.LT, edge));
      z.blend(least, z.compare(VectorOperators.LE, 0f))
          .blend(0f, w.compare(VectorOperators.LT, start))
          .intoArray(scratch, to + p * stride);
    }
  }

  /** The values behind a ReLU or none of pixels that were stored in fp32. */
  static void kept(
      boolean relu,
      int channels,
      int pixels,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * row);
    FloatVector floor = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NaN);
    for (int p = 0; p < pixels; p++) {
      FloatVector z =
          FloatVector.fromMemorySegment(FLOATS, store, from + 4L * p * channels, ORDER)
              .fma(scale, offset);
      z.blend(floor, z.compare(VectorOperators.LE, floor)).intoArray(scratch, to + p * stride);
    }
  }

  private static void one(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      FloatVector w =
          CodeVectors.places(CodeVectors.load(store, from + (long) g * channels), shift, base);
      w.fma(scale, offset)
          .blend(0f, w.compare(VectorOperators.LT, edge))
          .intoArray(scratch, to + g * stride);
    }
  }

  private static void two(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      int at = to + 2 * g * stride;
      FloatVector w0 = CodeVectors.places(codes.and(15), shift, base);
      w0.fma(scale, offset).blend(0f, w0.compare(VectorOperators.LT, edge)).intoArray(scratch, at);
      FloatVector w1 = CodeVectors.places(codes.lanewise(VectorOperators.LSHR, 4), shift, base);
      w1.fma(scale, offset)
          .blend(0f, w1.compare(VectorOperators.LT, edge))
          .intoArray(scratch, at + stride);
    }
  }

  private static void four(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        FloatVector w = CodeVectors.places(codes.and(3), shift, base);
        w.fma(scale, offset)
            .blend(0f, w.compare(VectorOperators.LT, edge))
            .intoArray(scratch, to + (4 * g + j) * stride);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
      }
    }
  }
}
