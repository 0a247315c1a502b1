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

/**
 * The way back through the ReLU: masks the activation's gradient where it lies, takes sum(d) and
 * sum(d * hat~) along, and writes it to its buffer.
 *
 * <p>The sums' region holds two rows of channels, sum(d) and sum(d * hat~).
 */
final class GradientFinisher {
  private GradientFinisher() {}

  /**
   * Finishes pixels {@code [first, end)} of a picture, channels {@code [fromChannel, toChannel)}.
   * The first pixel begins a group of codes or has the ternary codec, and fromChannel a vector.
   *
   * @param store the activation's copy; null for NONE and KEPT
   * @param table index of the {@link TableRows} in scratch
   * @param data index in scratch of the first pixel's gradient, whole vectors a pixel
   * @param sums index of the sums in scratch
   * @param dx where d goes, or null
   */
  static void finish(
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
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int group = format.pixelsPerGroup();
    int bytes = format.bytesPerGroup();
    int run = ActivationLoader.run(map, group);
    long copy = picture * format.bytes(map);
    int count;
    for (int p = first; p < end; p += count) {
      count = Math.min(run - p % group, end - p);
      int at = data + (p - first) * stride;
      for (int c = fromChannel; c < bound; c += LANES) {
        int rows = table + c;
        if (!format.isWritten()) {
          plain(channels, count, scratch, at + c, sums + c);
          continue;
        }
        MemorySegment copies = requireNonNull(store);
        if (format == StoreFormat.FP32) {
          long in = copy + 4L * ((long) p * channels + c);
          kept(activation, channels, count, copies, in, scratch, rows, at + c, sums + c);
          continue;
        }
        Codec codec = format.codec();
        int head = Math.min(count, (group - p % group) % group);
        int groups = (count - head) / group;
        int whole = at + head * stride + c;
        long in = copy + (long) ((p + head) / group) * bytes * channels + c;
        boolean relu = activation.relu();
        switch (relu ? 8 * bytes / group : 0) {
          case 8 -> one(codec, channels, groups, copies, in, scratch, rows, whole, sums + c);
          case 4 -> two(codec, channels, groups, copies, in, scratch, rows, whole, sums + c);
          case 2 -> four(codec, channels, groups, copies, in, scratch, rows, whole, sums + c);
          default -> {
            head = count;
            groups = 0;
          }
        }
        int left = count - head - groups * group;
        if (head > 0) {
          any(relu, codec, channels, p, head, copies, copy + c, scratch, rows, at + c, sums + c);
        }
        if (left > 0) {
          int past = p + count - left;
          int to = at + (count - left) * stride + c;
          any(relu, codec, channels, past, left, copies, copy + c, scratch, rows, to, sums + c);
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

  private static void plain(int channels, int pixels, float[] scratch, int at, int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      sum = sum.add(FloatVector.fromArray(FLOATS, scratch, at + p * stride));
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
  }

  private static void kept(
      Activation activation,
      int channels,
      int pixels,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector scale =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_SCALE * stride);
    FloatVector offset =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.Z_OFFSET * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector base =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector floor = FloatVector.broadcast(FLOATS, activation.relu() ? 0f : Float.NaN);
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int p = 0; p < pixels; p++) {
      FloatVector x = FloatVector.fromMemorySegment(FLOATS, store, from + 4L * p * channels, ORDER);
      FloatVector d =
          FloatVector.fromArray(FLOATS, scratch, at + p * stride)
              .blend(0f, x.fma(scale, offset).compare(VectorOperators.LE, floor));
      d.intoArray(scratch, at + p * stride);
      sum = sum.add(d);
      dot = d.fma(x.fma(unit, base), dot);
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }

  private static void one(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      FloatVector w =
          CodeVectors.places(CodeVectors.load(store, from + (long) g * channels), shift, base);
      FloatVector d =
          FloatVector.fromArray(FLOATS, scratch, at + g * stride)
              .blend(0f, w.compare(VectorOperators.LT, edge));
      d.intoArray(scratch, at + g * stride);
      sum = sum.add(d);
      dot = d.fma(w.fma(unit, origin), dot);
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }

  private static void two(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    FloatVector sum0 = FloatVector.zero(FLOATS);
    FloatVector sum1 = FloatVector.zero(FLOATS);
    FloatVector dot0 = FloatVector.zero(FLOATS);
    FloatVector dot1 = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      int to = at + 2 * g * stride;
      FloatVector w0 = CodeVectors.places(codes.and(15), shift, base);
      FloatVector d0 =
          FloatVector.fromArray(FLOATS, scratch, to)
              .blend(0f, w0.compare(VectorOperators.LT, edge));
      d0.intoArray(scratch, to);
      sum0 = sum0.add(d0);
      dot0 = d0.fma(w0.fma(unit, origin), dot0);
      FloatVector w1 = CodeVectors.places(codes.lanewise(VectorOperators.LSHR, 4), shift, base);
      FloatVector d1 =
          FloatVector.fromArray(FLOATS, scratch, to + stride)
              .blend(0f, w1.compare(VectorOperators.LT, edge));
      d1.intoArray(scratch, to + stride);
      sum1 = sum1.add(d1);
      dot1 = d1.fma(w1.fma(unit, origin), dot1);
    }
    FloatVector sum = sum0.add(sum1);
    FloatVector dot = dot0.add(dot1);
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }

  private static void four(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      for (int j = 0; j < 4; j++) {
        int to = at + (4 * g + j) * stride;
        FloatVector w = CodeVectors.places(codes.and(3), shift, base);
        FloatVector d =
            FloatVector.fromArray(FLOATS, scratch, to)
                .blend(0f, w.compare(VectorOperators.LT, edge));
        d.intoArray(scratch, to);
        sum = sum.add(d);
        dot = d.fma(w.fma(unit, origin), dot);
        codes = codes.lanewise(VectorOperators.LSHR, 2);
      }
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }

  /**
   * Pixels [first, first + pixels) of any codec, with a ReLU or without; {@code copy} is where the
   * picture's begin.
   */
  private static void any(
      boolean relu,
      Codec codec,
      int channels,
      int first,
      int pixels,
      MemorySegment store,
      long copy,
      float[] scratch,
      int rows,
      int at,
      int sums) {
    int stride = Lanes.roundUp(channels);
    FloatVector edge = FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.EDGE * stride);
    FloatVector unit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_SCALE * stride);
    FloatVector origin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.HAT_OFFSET * stride);
    FloatVector lowUnit =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_HAT_SCALE * stride);
    FloatVector lowOrigin =
        FloatVector.fromArray(FLOATS, scratch, rows + ChannelTable.LOW_HAT_OFFSET * stride);
    // Nothing is below NaN: without a ReLU, nothing is masked.
    FloatVector mask = relu ? edge : FloatVector.broadcast(FLOATS, Float.NaN);
    IntVector base = IntVector.broadcast(CodeVectors.INTS, codec.placeBits());
    int shift = codec.shift();
    FloatVector sum = FloatVector.zero(FLOATS);
    FloatVector dot = FloatVector.zero(FLOATS);
    int group = codec.pixelsPerGroup();
    long bytes = (long) codec.bytesPerGroup() * channels;
    for (int p = 0; p < pixels; p++) {
      int pixel = first + p;
      long from = copy + pixel / group * bytes;
      FloatVector w =
          CodeVectors.places(
              CodeVectors.code(codec, store, from, channels, pixel % group), shift, base);
      FloatVector d =
          FloatVector.fromArray(FLOATS, scratch, at + p * stride)
              .blend(0f, w.compare(VectorOperators.LT, mask));
      d.intoArray(scratch, at + p * stride);
      sum = sum.add(d);
      FloatVector hat =
          w.fma(unit, origin).blend(w.fma(lowUnit, lowOrigin), w.compare(VectorOperators.LT, edge));
      dot = d.fma(hat, dot);
    }
    FloatVector.fromArray(FLOATS, scratch, sums).add(sum).intoArray(scratch, sums);
    FloatVector.fromArray(FLOATS, scratch, sums + stride)
        .add(dot)
        .intoArray(scratch, sums + stride);
  }
}
