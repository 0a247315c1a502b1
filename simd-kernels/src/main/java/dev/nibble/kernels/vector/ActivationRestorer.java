package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
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
          case INT8 -> one(activation, channels, groups, copies, at, scratch, table + c, to + c);
          case INT4 -> two(activation, channels, groups, copies, at, scratch, table + c, to + c);
          case INT2 -> four(activation, channels, groups, copies, at, scratch, table + c, to + c);
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
    FloatVector gamma = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.GAMMA * row);
    FloatVector beta = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.BETA * row);
    VectorMask<Float> raw = FLOATS.maskAll(!activation.normalize());
    VectorMask<Float> relu = FLOATS.maskAll(activation.relu());
    for (int p = 0; p < pixels; p++) {
      FloatVector hat = Segments.load(store, from + 4L * p * channels);
      FloatVector z = hat.fma(gamma, beta).blend(hat, raw);
      z.blend(0f, z.compare(VectorOperators.LE, 0f).and(relu))
          .intoArray(scratch, to + p * channels);
    }
  }

  /** The first code that is not masked: the edge, or 0 without a ReLU. */
  private static FloatVector edge(float[] scratch, int at, boolean relu) {
    return relu ? FloatVector.fromArray(FLOATS, scratch, at) : FloatVector.zero(FLOATS);
  }

  private static FloatVector value(
      IntVector codes, FloatVector scale, FloatVector offset, FloatVector edge, FloatVector least) {
    FloatVector code = CodeLanes.toFloats(codes);
    FloatVector value = code.fma(scale, offset);
    return value
        .blend(least, value.compare(VectorOperators.LE, least))
        .blend(0f, code.compare(VectorOperators.LT, edge));
  }

  private static void one(
      Activation activation,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int to) {
    int row = Lanes.roundUp(channels);
    boolean relu = activation.relu();
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = edge(scratch, rows + ChannelTable.EDGE * row, relu);
    FloatVector least = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NEGATIVE_INFINITY);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, from + (long) g * channels);
      value(codes, scale, offset, edge, least).intoArray(scratch, to + g * channels);
    }
  }

  private static void two(
      Activation activation,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int to) {
    int row = Lanes.roundUp(channels);
    boolean relu = activation.relu();
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = edge(scratch, rows + ChannelTable.EDGE * row, relu);
    FloatVector least = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NEGATIVE_INFINITY);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, from + (long) g * channels);
      int at = to + 2 * g * channels;
      value(codes.and(15), scale, offset, edge, least).intoArray(scratch, at);
      value(codes.lanewise(VectorOperators.LSHR, 4), scale, offset, edge, least)
          .intoArray(scratch, at + channels);
    }
  }

  private static void four(
      Activation activation,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int to) {
    int row = Lanes.roundUp(channels);
    boolean relu = activation.relu();
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = edge(scratch, rows + ChannelTable.EDGE * row, relu);
    FloatVector least = FloatVector.broadcast(FLOATS, relu ? 0f : Float.NEGATIVE_INFINITY);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, from + (long) g * channels);
      int at = to + 4 * g * channels;
      value(codes.and(3), scale, offset, edge, least).intoArray(scratch, at);
      value(codes.lanewise(VectorOperators.LSHR, 2).and(3), scale, offset, edge, least)
          .intoArray(scratch, at + channels);
      value(codes.lanewise(VectorOperators.LSHR, 4).and(3), scale, offset, edge, least)
          .intoArray(scratch, at + 2 * channels);
      value(codes.lanewise(VectorOperators.LSHR, 6), scale, offset, edge, least)
          .intoArray(scratch, at + 3 * channels);
    }
  }
}
