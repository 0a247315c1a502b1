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

/** Restores one picture's activation from its stored copy, into a tile. */
final class ActivationRestorer {
  private ActivationRestorer() {}

  /**
   * Restores a picture.
   *
   * @param x the kept input, for KEPT
   * @param store the stored copy, for all others
   * @param table index of the {@link TableRows} in scratch
   * @param tile index of the picture's first pixel in scratch
   * @param extra floats between the tile's rows; groups of pixels do not cross rows then
   */
  static void restore(
      Activation activation,
      FeatureMap map,
      int picture,
      @Nullable MemorySegment x,
      @Nullable MemorySegment store,
      float[] scratch,
      int table,
      int tile,
      int extra) {
    int channels = map.channels();
    StoreFormat format = activation.store();
    if (format == StoreFormat.KEPT) {
      int length = map.width() * channels;
      Segments.copyIn(
          requireNonNull(x),
          picture * map.bytes(),
          scratch,
          tile,
          length,
          length + extra,
          map.height());
      return;
    }
    MemorySegment copies = requireNonNull(store);
    int pixels = map.pixels();
    int bound = FLOATS.loopBound(channels);
    int group = format.pixelsPerGroup();
    int run = OperatorGeometry.run(map, extra);
    long copy = picture * format.bytes(map);
    int bytes = format == StoreFormat.FP32 ? 4 : 1;
    for (int first = 0; first < pixels; first += run) {
      int count = Math.min(run, pixels - first);
      int groups = count / group;
      long from = copy + (long) first / group * channels * bytes;
      int to = tile + first * channels + first / map.width() * extra;
      for (int c = 0; c < bound; c += LANES) {
        long at = from + (long) c * bytes;
        switch (format) {
          case INT8 -> one(channels, groups, copies, at, scratch, table + c, to + c);
          case INT4 -> two(channels, groups, copies, at, scratch, table + c, to + c);
          case INT2 -> four(channels, groups, copies, at, scratch, table + c, to + c);
          default -> kept(activation, channels, groups, copies, at, scratch, table + c, to + c);
        }
      }
      int whole = groups * group;
      if (bound < channels) {
        ActivationTail.restore(
            activation, channels, whole, bound, copies, from, scratch, table, to);
      }
      if (whole < count) {
        ActivationTail.restore(
            activation,
            channels,
            count - whole,
            0,
            copies,
            from + (long) groups * channels,
            scratch,
            table,
            to + whole * channels);
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
      int to) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * row);
    FloatVector offset = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * row);
    FloatVector floor =
        FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
    for (int p = 0; p < pixels; p++) {
      FloatVector z =
          FloatVector.fromMemorySegment(FLOATS, store, from + 4L * p * channels, ORDER)
              .fma(scale, offset);
      z.blend(floor, z.compare(VectorOperators.LE, floor)).intoArray(scratch, to + p * channels);
    }
  }

  private static void one(
      int channels, int groups, MemorySegment store, long from, float[] scratch, int rows, int to) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, from + (long) g * channels);
      FloatVector code = (FloatVector) codes.convertShape(VectorOperators.I2F, FLOATS, 0);
      code.fma(scale, offset)
          .blend(0f, code.compare(VectorOperators.LT, edge))
          .intoArray(scratch, to + g * channels);
    }
  }

  private static void two(
      int channels, int groups, MemorySegment store, long from, float[] scratch, int rows, int to) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, from + (long) g * channels);
      int at = to + 2 * g * channels;
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
          .intoArray(scratch, at + channels);
    }
  }

  private static void four(
      int channels, int groups, MemorySegment store, long from, float[] scratch, int rows, int to) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, from + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        FloatVector code = (FloatVector) codes.and(3).convertShape(VectorOperators.I2F, FLOATS, 0);
        code.fma(scale, offset)
            .blend(0f, code.compare(VectorOperators.LT, edge))
            .intoArray(scratch, to + (4 * g + j) * channels);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
      }
    }
  }
}
