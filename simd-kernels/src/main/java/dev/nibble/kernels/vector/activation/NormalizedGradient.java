package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Codec;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm.Normalized;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import java.lang.foreign.MemorySegment;

/** Carries a gradient through a batch norm as it is read. */
public final class NormalizedGradient {
  private NormalizedGradient() {}

  /**
   * Writes, or adds, dx ({@link TermRows}) for pixels {@code [first, end)} of a picture, channels
   * {@code [fromChannel, toChannel)}. fromChannel begins a vector.
   *
   * @param add whether the tile holds another summand already
   * @param table index of the term's {@link TermRows} in scratch
   * @param to index in scratch of the first pixel's channel 0
   * @param stride floats from pixel to pixel in scratch
   */
  public static void load(
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
    int bound = Lanes.bound(channels, fromChannel, toChannel);
    int run = ActivationLoader.run(map, format.pixelsPerGroup());
    long copy = picture * format.bytes(map);
    int count;
    for (int p = first; p < end; p += count) {
      count = Math.min(run - p % format.pixelsPerGroup(), end - p);
      long from = picture * map.bytes() + 4L * p * channels;
      int at = to + (p - first) * stride;
      if (toChannel - fromChannel == channels) {
        int sink = TermRows.work(table, channels);
        Segments.touch(gradient, from, 4L * count * channels, scratch, sink);
        int group = format.pixelsPerGroup();
        long bytes = (long) channels * format.bytesPerGroup();
        Segments.touch(store, copy + p / group * bytes, count / group * bytes, scratch, sink);
      }
      for (int i = fromChannel; i < bound; i += LANES) {
        int c = Math.min(i, channels - LANES);
        // Lanes that hold their sum already, if something is added.
        int again = add ? i - c : 0;
        long in = from + 4L * c;
        int rows = table + c;
        if (format == StoreFormat.FP32) {
          long kept = copy + 4L * ((long) p * channels + c);
          NormalizedLoops.kept(
              channels, count, gradient, in, store, kept, add, scratch, rows, at + c, stride,
              again);
        } else {
          int work = TermRows.work(table, channels);
          coded(
              format.codec(),
              channels,
              p,
              count,
              gradient,
              in,
              store,
              copy + c,
              add,
              scratch,
              rows,
              work,
              at + c,
              stride,
              again);
        }
      }
      if (bound < toChannel) {
        tail(term, p, count, bound, toChannel, from, copy, add, scratch, table, at, stride);
      }
    }
  }

  /** A vector of channels of pixels from {@code first} on whose values were stored as codes. */
  private static void coded(
      Codec codec,
      int channels,
      int first,
      int pixels,
      MemorySegment gradient,
      long from,
      MemorySegment store,
      long copy,
      boolean add,
      float[] scratch,
      int rows,
      int work,
      int to,
      int stride,
      int again) {
    int group = codec.pixelsPerGroup();
    int done = 0;
    if (group <= 4 && first % group == 0) {
      int groups = pixels / group;
      long code = copy + (long) (first / group) * channels;
      switch (group) {
        case 1 ->
            NormalizedLoops.one(
                codec, channels, groups, gradient, from, store, code, add, scratch, rows, to,
                stride, again);
        case 2 ->
            NormalizedLoops.two(
                codec, channels, groups, gradient, from, store, code, add, scratch, rows, to,
                stride, again);
        default ->
            NormalizedLoops.four(
                codec, channels, groups, gradient, from, store, code, add, scratch, rows, to,
                stride, again);
      }
      done = groups * group;
    }
    for (int p = done; p < pixels; p += CodeColumns.PIXELS) {
      int count = Math.min(CodeColumns.PIXELS, pixels - p);
      int places =
          CodeColumns.places(codec, channels, first + p, count, store, copy, scratch, work);
      long in = from + 4L * p * channels;
      int at = to + p * stride;
      NormalizedLoops.column(
          channels, count, gradient, in, places, add, scratch, rows, at, stride, again);
    }
  }

  private static void tail(
      Normalized term,
      int first,
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
      float scale = scratch[table + TermRows.SCALE * row + c];
      float slope = scratch[table + TermRows.CODE * row + c];
      float offset = scratch[table + TermRows.OFFSET * row + c];
      float lowSlope = scratch[table + TermRows.LOW_CODE * row + c];
      float lowOffset = scratch[table + TermRows.LOW_OFFSET * row + c];
      float edge = scratch[table + TermRows.EDGE * row + c];
      for (int p = 0; p < pixels; p++) {
        float d = term.gradient().get(JAVA_FLOAT, from + 4L * (p * channels + c));
        float w = ActivationTail.stored(term.format(), term.store(), copy, channels, first + p, c);
        float rest = w >= edge ? Math.fma(w, slope, offset) : Math.fma(w, lowSlope, lowOffset);
        int at = to + p * stride + c;
        scratch[at] = (add ? scratch[at] : 0f) + Math.fma(d, scale, rest);
      }
    }
  }
}
