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
import jdk.incubator.vector.VectorOperators;

/** Carries a gradient through a batch norm as it is read. */
final class NormalizedGradient {
  private NormalizedGradient() {}

  /**
   * Writes, or adds, fma(d, DX_SCALE, fma(q, DX_CODE, DX_OFFSET)) for pixels {@code [first, end)}
   * of a picture, channels {@code [fromChannel, toChannel)}. The first pixel begins a byte of
   * codes, and fromChannel a vector.
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
      float slope = scratch[table + ChannelTable.DX_CODE * row + c];
      float offset = scratch[table + ChannelTable.DX_OFFSET * row + c];
      for (int p = 0; p < pixels; p++) {
        int i = p * channels + c;
        float d = term.gradient().get(JAVA_FLOAT, from + 4L * i);
        float q = ActivationTail.stored(term.format(), term.store(), copy, channels, p, c);
        int at = to + p * stride + c;
        scratch[at] = (add ? scratch[at] : 0f) + Math.fma(d, scale, Math.fma(q, slope, offset));
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
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_CODE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_OFFSET * row);
    for (int p = 0; p < pixels; p++) {
      FloatVector x = FloatVector.fromMemorySegment(FLOATS, store, copy + 4L * p * channels, ORDER);
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradient, from + 4L * p * channels, ORDER);
      FloatVector dx = d.fma(scale, x.fma(slope, offset));
      if (add) {
        dx.add(FloatVector.fromArray(FLOATS, scratch, to + p * stride))
            .intoArray(scratch, to + p * stride);
      } else {
        dx.intoArray(scratch, to + p * stride);
      }
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
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_CODE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_OFFSET * row);
    for (int g = 0; g < groups; g++) {
      FloatVector code =
          (FloatVector)
              CodeVectors.load(store, copy + (long) g * channels)
                  .convertShape(VectorOperators.I2F, FLOATS, 0);
      FloatVector d =
          FloatVector.fromMemorySegment(FLOATS, gradient, from + 4L * g * channels, ORDER);
      FloatVector dx = d.fma(scale, code.fma(slope, offset));
      if (add) {
        dx.add(FloatVector.fromArray(FLOATS, scratch, to + g * stride))
            .intoArray(scratch, to + g * stride);
      } else {
        dx.intoArray(scratch, to + g * stride);
      }
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
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_CODE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_OFFSET * row);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, copy + (long) g * channels);
      long in = from + 8L * g * channels;
      int at = to + 2 * g * stride;
      FloatVector code0 = (FloatVector) codes.and(15).convertShape(VectorOperators.I2F, FLOATS, 0);
      FloatVector d0 = FloatVector.fromMemorySegment(FLOATS, gradient, in, ORDER);
      FloatVector dx0 = d0.fma(scale, code0.fma(slope, offset));
      if (add) {
        dx0.add(FloatVector.fromArray(FLOATS, scratch, at)).intoArray(scratch, at);
      } else {
        dx0.intoArray(scratch, at);
      }
      FloatVector code1 =
          (FloatVector)
              codes.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0);
      FloatVector d1 = FloatVector.fromMemorySegment(FLOATS, gradient, in + 4L * channels, ORDER);
      FloatVector dx1 = d1.fma(scale, code1.fma(slope, offset));
      if (add) {
        dx1.add(FloatVector.fromArray(FLOATS, scratch, at + stride))
            .intoArray(scratch, at + stride);
      } else {
        dx1.intoArray(scratch, at + stride);
      }
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
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_CODE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.DX_OFFSET * row);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, copy + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        FloatVector code = (FloatVector) codes.and(3).convertShape(VectorOperators.I2F, FLOATS, 0);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
        int at = to + (4 * g + j) * stride;
        FloatVector d =
            FloatVector.fromMemorySegment(
                FLOATS, gradient, from + 4L * (4 * g + j) * channels, ORDER);
        FloatVector dx = d.fma(scale, code.fma(slope, offset));
        if (add) {
          dx.add(FloatVector.fromArray(FLOATS, scratch, at)).intoArray(scratch, at);
        } else {
          dx.intoArray(scratch, at);
        }
      }
    }
  }
}
