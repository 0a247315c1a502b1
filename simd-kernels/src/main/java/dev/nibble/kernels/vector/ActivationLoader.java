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
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Reads one picture into a tile through batch norm and ReLU and leaves its copy for the backward
 * pass, in one pass.
 *
 * <p>A run of pixels is worked on by one vector of channels at a time, so that the coefficients
 * stay in registers; runs are short enough for the cache lines to be met again. Channels that fill
 * no vector, and pixels that fill no byte of codes, take {@link ActivationTail}.
 */
final class ActivationLoader {
  private ActivationLoader() {}

  /**
   * Loads a picture.
   *
   * @param format what is written; NONE to only read
   * @param store where the copy goes; null for NONE and KEPT
   * @param table index of the {@link TableRows} in scratch
   * @param tile index of the picture's first pixel in scratch
   * @param extra floats between the tile's rows; groups of pixels do not cross rows then
   */
  static void load(
      Activation activation,
      StoreFormat format,
      FeatureMap map,
      int picture,
      MemorySegment x,
      @Nullable MemorySegment store,
      float[] scratch,
      int table,
      int tile,
      int extra) {
    int channels = map.channels();
    int pixels = map.pixels();
    long from = picture * map.bytes();
    if (!activation.normalize() && !activation.relu() && format.bits() == 0) {
      int row = map.width() * channels;
      Segments.copyIn(x, from, scratch, tile, row, row + extra, map.height());
      return;
    }
    int bound = FLOATS.loopBound(channels);
    int group = format.pixelsPerGroup();
    int run = OperatorGeometry.run(map, extra);
    long copy = picture * format.bytes(map);
    for (int first = 0; first < pixels; first += run) {
      int count = Math.min(run, pixels - first);
      int groups = count / group;
      long in = from + 4L * first * channels;
      long out = copy + (long) first / group * channels * (format == StoreFormat.FP32 ? 4 : 1);
      int to = tile + first * channels + first / map.width() * extra;
      for (int c = 0; c < bound; c += LANES) {
        int rows = table + c;
        switch (format) {
          case NONE, KEPT ->
              read(activation, channels, groups, x, in + 4L * c, scratch, rows, to + c);
          case FP32 ->
              keep(
                  activation,
                  channels,
                  groups,
                  x,
                  in + 4L * c,
                  requireNonNull(store),
                  out + 4L * c,
                  scratch,
                  rows,
                  to + c);
          default ->
              CodeWriter.encode(
                  activation,
                  format,
                  channels,
                  groups,
                  x,
                  in + 4L * c,
                  requireNonNull(store),
                  out + c,
                  scratch,
                  rows,
                  to + c);
        }
      }
      if (bound < channels) {
        ActivationTail.load(
            activation,
            format,
            channels,
            groups * group,
            bound,
            x,
            in,
            store,
            out,
            scratch,
            table,
            to);
      }
      if (groups * group < count) {
        int whole = groups * group;
        ActivationTail.load(
            activation,
            format,
            channels,
            count - whole,
            0,
            x,
            in + 4L * whole * channels,
            store,
            out + (long) groups * channels,
            scratch,
            table,
            to + whole * channels);
      }
    }
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
    FloatVector floor =
        FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
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
    FloatVector floor =
        FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
    for (int p = 0; p < pixels; p++) {
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, from + 4L * p * channels, ORDER);
      value.intoMemorySegment(store, copy + 4L * p * channels, ORDER);
      FloatVector z = value.fma(scale, offset);
      z.blend(floor, z.compare(VectorOperators.LE, floor)).intoArray(scratch, to + p * channels);
    }
  }
}
