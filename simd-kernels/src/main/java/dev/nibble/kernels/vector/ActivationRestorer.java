package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.Segments.ORDER;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
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
   * The first pixel begins a group of codes or has the ternary codec, and fromChannel a vector.
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
    int bytes = format.bytesPerGroup();
    int run = ActivationLoader.run(map, group);
    int unit = format == StoreFormat.FP32 ? 4 : 1;
    long copy = picture * format.bytes(map);
    int count;
    for (int p = first; p < end; p += count) {
      count = Math.min(run - p % group, end - p);
      int head = Math.min(count, (group - p % group) % group);
      int groups = (count - head) / group;
      int rest = count - head - groups * group;
      int at = to + (p - first) * stride;
      int whole = at + head * stride;
      int last = whole + groups * group * stride;
      long from = copy + (long) ((p + head) / group) * bytes * channels;
      for (int c = fromChannel; c < bound; c += LANES) {
        long in = from + (long) c * unit;
        int rows = table + c;
        if (format == StoreFormat.FP32) {
          kept(activation, channels, groups, copies, in, scratch, rows, whole + c, stride);
          continue;
        }
        Codec codec = format.codec();
        switch (activation.relu() ? 8 * bytes / group : 0) {
          case 8 -> one(codec, channels, groups, copies, in, scratch, rows, whole + c, stride);
          case 4 -> two(codec, channels, groups, copies, in, scratch, rows, whole + c, stride);
          case 2 -> four(codec, channels, groups, copies, in, scratch, rows, whole + c, stride);
          default -> {
            int pixels = groups * group;
            long start = copy + c;
            any(codec, channels, p + head, pixels, copies, start, scratch, rows, whole + c, stride);
          }
        }
        if (head > 0) {
          any(codec, channels, p, head, copies, copy + c, scratch, rows, at + c, stride);
        }
        if (rest > 0) {
          int past = p + count - rest;
          any(codec, channels, past, rest, copies, copy + c, scratch, rows, last + c, stride);
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

  /**
   * Pixels [first, first + pixels) of any codec, with a ReLU or without; {@code copy} is where the
   * picture's begin.
   */
  private static void any(
      Codec codec,
      int channels,
      int first,
      int pixels,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int to,
      int stride) {
    int row = Lanes.roundUp(channels);
    FloatVector scale = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_SCALE * row);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.ACT_OFFSET * row);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * row);
    FloatVector lowScale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_ACT_SCALE * row);
    FloatVector lowOffset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_ACT_OFFSET * row);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    int group = codec.pixelsPerGroup();
    long bytes = (long) codec.bytesPerGroup() * channels;
    for (int p = 0; p < pixels; p++) {
      int pixel = first + p;
      long at = copy + pixel / group * bytes;
      FloatVector w =
          CodeVectors.places(
              CodeVectors.code(codec, store, at, channels, pixel % group), shift, base);
      w.fma(scale, offset)
          .blend(w.fma(lowScale, lowOffset), w.compare(VectorOperators.LT, edge))
          .intoArray(scratch, to + p * stride);
    }
  }
}
