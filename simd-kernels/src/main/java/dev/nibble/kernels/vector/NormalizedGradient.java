package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm.Normalized;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Carries a gradient through a batch norm as it is read. */
final class NormalizedGradient {
  private NormalizedGradient() {}

  /**
   * Writes, or adds, d * DX_SCALE - DX_MEAN - hat~ * DX_HAT for pixels {@code [first, end)} of a
   * picture, channels {@code [fromChannel, toChannel)}. The first pixel begins a byte of codes, and
   * fromChannel a vector.
   *
   * @param add whether the tile holds another summand already
   * @param table index of the term's {@link TableRows} in scratch
   * @param to index in scratch of the first pixel's channel 0
   * @param stride floats from pixel to pixel in scratch
   */
  static void load(
      Normalized term,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      boolean add,
      float[] scratch,
      int table,
      int to,
      int stride) {
    FeatureMap map = term.map();
    StoreFormat format = term.format();
    MemorySegment gradient = term.gradient();
    MemorySegment store = term.store();
    int channels = map.channels();
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int group = format.pixelsPerGroup();
    int run = ActivationLoader.run(map);
    int bytes = format == StoreFormat.FP32 ? 4 : 1;
    long copy = picture * format.bytes(map);
    for (int p = first; p < end; p += run) {
      int count = Math.min(run, end - p);
      int groups = count / group;
      long from = picture * map.bytes() + 4L * p * channels;
      long copies = copy + (long) p / group * channels * bytes;
      int at = to + (p - first) * stride;
      for (int c = fromChannel; c < bound; c += LANES) {
        long in = from + 4L * c;
        long code = copies + (long) c * bytes;
        int rows = table + c;
        switch (format) {
          case INT8 ->
              one(channels, groups, gradient, in, store, code, add, scratch, rows, at + c, stride);
          case INT4 ->
              two(channels, groups, gradient, in, store, code, add, scratch, rows, at + c, stride);
          case INT2 ->
              four(channels, groups, gradient, in, store, code, add, scratch, rows, at + c, stride);
          default ->
              kept(channels, groups, gradient, in, store, code, add, scratch, rows, at + c, stride);
        }
      }
      int whole = groups * group;
      if (bound < toChannel) {
        tail(term, whole, bound, toChannel, from, copies, add, scratch, table, at, stride);
      }
      if (whole < count) {
        tail(
            term,
            count - whole,
            fromChannel,
            toChannel,
            from + 4L * whole * channels,
            copies + (long) groups * channels,
            add,
            scratch,
            table,
            at + whole * stride,
            stride);
      }
    }
  }

  private static void tail(
      Normalized term,
      int pixels,
      int firstChannel,
      int endChannel,
      long from,
      long copy,
      boolean add,
      float[] scratch,
      int table,
      int to,
      int stride) {
    int channels = term.map().channels();
    int row = Lanes.roundUp(channels);
    for (int c = firstChannel; c < endChannel; c++) {
      float scale = scratch[table + ChannelTable.DX_SCALE * row + c];
      float mean = scratch[table + ChannelTable.DX_MEAN * row + c];
      float slope = scratch[table + ChannelTable.DX_HAT * row + c];
      for (int p = 0; p < pixels; p++) {
        int i = p * channels + c;
        float d = term.gradient().get(JAVA_FLOAT, from + 4L * i);
        float hat =
            ActivationTail.hat(term.format(), term.store(), copy, channels, p, c, scratch, table);
        int at = to + p * stride + c;
        scratch[at] = (add ? scratch[at] : 0f) + (d * scale - mean - hat * slope);
      }
    }
  }

  private static void kept(
      int channels,
      int pixels,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_SCALE * row);
    FloatVector mean = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_MEAN * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_HAT * row);
    VectorMask<Float> fresh = FLOATS.maskAll(!add);
    for (int p = 0; p < pixels; p++) {
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradient, from + 4L * p * channels, ORDER);
      FloatVector hat =
          FloatVector.fromMemorySegment(FLOATS, store, copy + 4L * p * channels, ORDER);
      int at = to + p * stride;
      FloatVector.fromArray(FLOATS, scratch, at)
          .blend(0f, fresh)
          .add(d.mul(scale).sub(mean).sub(hat.mul(slope)))
          .intoArray(scratch, at);
    }
  }

  private static void one(
      int channels,
      int groups,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_SCALE * row);
    FloatVector mean = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_MEAN * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_HAT * row);
    FloatVector unit = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * row);
    FloatVector base = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * row);
    VectorMask<Float> fresh = FLOATS.maskAll(!add);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, copy + (long) g * channels);
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradient, from + 4L * g * channels, ORDER);
      FloatVector hat =
          ((FloatVector) codes.convertShape(VectorOperators.I2F, FLOATS, 0)).fma(unit, base);
      int at = to + g * stride;
      FloatVector.fromArray(FLOATS, scratch, at)
          .blend(0f, fresh)
          .add(d.mul(scale).sub(mean).sub(hat.mul(slope)))
          .intoArray(scratch, at);
    }
  }

  private static void two(
      int channels,
      int groups,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_SCALE * row);
    FloatVector mean = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_MEAN * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_HAT * row);
    FloatVector unit = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * row);
    FloatVector base = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * row);
    VectorMask<Float> fresh = FLOATS.maskAll(!add);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, copy + (long) g * channels);
      long in = from + 8L * g * channels;
      int at = to + 2 * g * stride;
      FloatVector d0 = FloatVector.fromMemorySegment(FLOATS, gradient, in, ORDER);
      FloatVector hat0 =
          ((FloatVector) codes.and(15).convertShape(VectorOperators.I2F, FLOATS, 0))
              .fma(unit, base);
      FloatVector.fromArray(FLOATS, scratch, at)
          .blend(0f, fresh)
          .add(d0.mul(scale).sub(mean).sub(hat0.mul(slope)))
          .intoArray(scratch, at);
      FloatVector d1 = FloatVector.fromMemorySegment(FLOATS, gradient, in + 4L * channels, ORDER);
      FloatVector hat1 =
          ((FloatVector)
                  codes
                      .lanewise(VectorOperators.LSHR, 4)
                      .convertShape(VectorOperators.I2F, FLOATS, 0))
              .fma(unit, base);
      at += stride;
      FloatVector.fromArray(FLOATS, scratch, at)
          .blend(0f, fresh)
          .add(d1.mul(scale).sub(mean).sub(hat1.mul(slope)))
          .intoArray(scratch, at);
    }
  }

  private static void four(
      int channels,
      int groups,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_SCALE * row);
    FloatVector mean = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_MEAN * row);
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_HAT * row);
    FloatVector unit = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * row);
    FloatVector base = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * row);
    VectorMask<Float> fresh = FLOATS.maskAll(!add);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeLanes.load(store, copy + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        FloatVector d =
            FloatVector.fromMemorySegment(
                FLOATS, gradient, from + 4L * (4 * g + j) * channels, ORDER);
        FloatVector hat =
            ((FloatVector) codes.and(3).convertShape(VectorOperators.I2F, FLOATS, 0))
                .fma(unit, base);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
        int at = to + (4 * g + j) * stride;
        FloatVector.fromArray(FLOATS, scratch, at)
            .blend(0f, fresh)
            .add(d.mul(scale).sub(mean).sub(hat.mul(slope)))
            .intoArray(scratch, at);
      }
    }
  }
}
