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

/** Restores pixels of a picture's activation from their stored copy, into a tile. */
final class ActivationRestorer {
  private ActivationRestorer() {}

  /**
   * Restores pixels {@code [first, end)} of a picture, channels {@code [fromChannel, toChannel)}.
   * The first pixel begins a byte of codes, and fromChannel a vector.
   *
   * @param x the kept input, for KEPT
   * @param store the stored copy, for all others
   * @param table index of the {@link TableRows} in scratch
   * @param to index in scratch of the first pixel's channel 0
   * @param stride floats from pixel to pixel in scratch
   */
  static void restore(
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
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int group = format.pixelsPerGroup();
    int run = ActivationLoader.run(map);
    long copy = picture * format.bytes(map);
    int bytes = format == StoreFormat.FP32 ? 4 : 1;
    for (int p = first; p < end; p += run) {
      int count = Math.min(run, end - p);
      int groups = count / group;
      long from = copy + (long) p / group * channels * bytes;
      int at = to + (p - first) * stride;
      for (int c = fromChannel; c < bound; c += LANES) {
        long in = from + (long) c * bytes;
        int rows = table + c;
        switch (format) {
          case INT8 -> one(channels, groups, copies, in, scratch, rows, at + c, stride);
          case INT4 -> two(channels, groups, copies, in, scratch, rows, at + c, stride);
          case INT2 -> four(channels, groups, copies, in, scratch, rows, at + c, stride);
          default -> kept(activation, channels, groups, copies, in, scratch, rows, at + c, stride);
        }
      }
      int whole = groups * group;
      if (bound < toChannel) {
        ActivationTail.restore(
            activation,
            channels,
            whole,
            bound,
            toChannel,
            copies,
            from,
            scratch,
            table,
            at,
            stride);
      }
      if (whole < count) {
        ActivationTail.restore(
            activation,
            channels,
            count - whole,
            fromChannel,
            toChannel,
            copies,
            from + (long) groups * channels,
            scratch,
            table,
            at + whole * stride,
            stride);
      }
    }
  }

  private static void kept(
      Activation activation,
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
    FloatVector floor = FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
    for (int p = 0; p < pixels; p++) {
      FloatVector z =
          FloatVector.fromMemorySegment(FLOATS, store, from + 4L * p * channels, ORDER)
              .fma(scale, offset);
      z.blend(floor, z.compare(VectorOperators.LE, floor)).intoArray(scratch, to + p * stride);
    }
  }

  private static void one(
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
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      FloatVector code = (FloatVector) codes.convertShape(VectorOperators.I2F, FLOATS, 0);
      code.fma(scale, offset)
          .blend(0f, code.compare(VectorOperators.LT, edge))
          .intoArray(scratch, to + g * stride);
    }
  }

  private static void two(
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
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      int at = to + 2 * g * stride;
      FloatVector code0 = (FloatVector) codes.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
      code0
          .fma(scale, offset)
          .blend(0f, code0.compare(VectorOperators.LT, edge))
          .intoArray(scratch, at);
      FloatVector code1 =
          (FloatVector)
              codes.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
      code1
          .fma(scale, offset)
          .blend(0f, code1.compare(VectorOperators.LT, edge))
          .intoArray(scratch, at + stride);
    }
  }

  private static void four(
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
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        FloatVector code = (FloatVector) codes.and(3).convertShape(VectorOperators.I2F, FLOATS, 0);
        code.fma(scale, offset)
            .blend(0f, code.compare(VectorOperators.LT, edge))
            .intoArray(scratch, to + (4 * g + j) * stride);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
      }
    }
  }
}
