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
 * Reads pixels of a picture into a tile through batch norm and ReLU and leaves its copy for the
 * backward pass, in one pass.
 *
 * <p>A run of pixels is worked on by one vector of channels at a time, so that the coefficients
 * stay in registers; runs are short enough for the cache lines to be met again. Channels that fill
 * no vector take {@link ActivationTail}.
 */
final class ActivationLoader {
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
  static void load(
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
    if (!activation.normalize() && !activation.relu() && !format.isWritten()) {
      long from = picture * map.bytes() + 4L * ((long) first * channels + fromChannel);
      int length = toChannel - fromChannel;
      Segments.copyIn(x, from, channels, scratch, to + fromChannel, length, channels, end - first);
      return;
    }
    int bound = Math.min(FLOATS.loopBound(channels), toChannel);
    int group = format.pixelsPerGroup();
    int run = run(map, group);
    long copy = picture * format.bytes(map);
    for (int p = first; p < end; p += run) {
      int groups = Math.min(run, end - p) / group;
      long in = picture * map.bytes() + 4L * p * channels;
      long out = copy + (long) p / group * channels * format.bytesPerGroup();
      int at = to + (p - first) * channels;
      for (int c = fromChannel; c < bound; c += LANES) {
        int rows = table + c;
        switch (format) {
          case NONE, KEPT ->
              read(activation, channels, groups, x, in + 4L * c, scratch, rows, at + c);
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
                  at + c);
          default ->
              CodeWriter.encode(
                  activation.relu(),
                  format.codec(),
                  channels,
                  groups,
                  x,
                  in + 4L * c,
                  requireNonNull(store),
                  out + c,
                  scratch,
                  rows,
                  at + c);
        }
      }
      int whole = groups * group;
      int left = Math.min(run, end - p) - whole;
      if (left > 0) {
        // Only codes leave pixels over.
        long last = out + (long) groups * channels * format.bytesPerGroup();
        int past = at + whole * channels;
        for (int c = fromChannel; c < bound; c += LANES) {
          long source = in + 4L * ((long) whole * channels + c);
          MemorySegment copies = requireNonNull(store);
          CodeWriter.any(
              activation.relu(),
              format.codec(),
              channels,
              left,
              x,
              source,
              copies,
              last + c,
              scratch,
              table + c,
              past + c);
        }
      }
      if (bound < toChannel) {
        int pixels = whole + left;
        ActivationTail.load(
            activation,
            format,
            channels,
            pixels,
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
    }
  }

  /** Pixels that are worked on at a time: as many as stay in the nearest cache, by eights. */
  static int run(FeatureMap map) {
    return Math.max(16, 4096 / map.channels() & ~7);
  }

  /** The same, in whole groups of pixels. */
  static int run(FeatureMap map, int group) {
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
