package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.GradientTerm.Normalized;
import dev.nibble.kernels.GradientTerm.Shortcut;
import dev.nibble.kernels.GradientTerm.Slice;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.vector.activation.NormalizedGradient;
import dev.nibble.kernels.vector.activation.TermRows;
import dev.nibble.kernels.vector.base.Segments;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Sums the terms of a gradient. Shortcuts come first, then what passes through batch norms is added
 * to them; the first summand is written, not added. Terms are visited by index: an iterator would
 * be an allocation.
 */
public final class GradientLoader {
  private GradientLoader() {}

  /** The pixels at whose multiples the terms can be read: the ternary codes anywhere. */
  static int pixelsPerGroup(List<GradientTerm> terms) {
    int group = 1;
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i) instanceof Normalized n) {
        int pixels = n.format().pixelsPerGroup();
        group = Bands.PIXELS % pixels == 0 ? Math.max(group, pixels) : group;
      }
    }
    return group;
  }

  private static int countNormalized(List<GradientTerm> terms) {
    int count = 0;
    for (int i = 0; i < terms.size(); i++) {
      count += terms.get(i) instanceof Normalized ? 1 : 0;
    }
    return count;
  }

  /** Copies the table of the only batch norm among the terms, once a leaf. */
  public static void start(List<GradientTerm> terms, float[] scratch, int table) {
    if (countNormalized(terms) != 1) {
      return;
    }
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i) instanceof Normalized n) {
        TermRows.load(n.table(), n.map().channels(), scratch, table);
      }
    }
  }

  /**
   * Writes the sum of a stage's output terms for pixels {@code [first, end)} of a picture, channels
   * {@code [fromChannel, toChannel)}. The first pixel begins a byte of every term's codes, and
   * fromChannel a vector.
   *
   * @param table index of the terms' {@link TermRows} in scratch
   * @param to index in scratch of the first pixel's channel 0
   * @param stride floats from pixel to pixel in scratch
   */
  public static void load(
      List<GradientTerm> terms,
      FeatureMap map,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int table,
      int to,
      int stride) {
    boolean empty = true;
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i) instanceof Slice s) {
        slice(s, picture, first, end, fromChannel, toChannel, !empty, scratch, to, stride);
        empty = false;
      }
      if (!(terms.get(i) instanceof Shortcut s)) {
        continue;
      }
      if (empty && !s.transform().isIdentity()) {
        clear(scratch, to + fromChannel, toChannel - fromChannel, stride, end - first);
      }
      boolean add = !empty || !s.transform().isIdentity();
      shortcut(s, map, picture, first, end, fromChannel, toChannel, add, scratch, to, stride);
      empty = false;
    }
    boolean reload = countNormalized(terms) > 1;
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i) instanceof Normalized n) {
        if (reload) {
          TermRows.load(n.table(), n.map().channels(), scratch, table);
        }
        NormalizedGradient.load(
            n, picture, first, end, fromChannel, toChannel, !empty, scratch, table, to, stride);
        empty = false;
      }
    }
  }

  /** Adds the terms of an activation's gradient; the parameters are those of load. */
  static void addShortcuts(
      List<GradientTerm> terms,
      FeatureMap map,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int to,
      int stride) {
    for (int i = 0; i < terms.size(); i++) {
      switch (terms.get(i)) {
        case Shortcut s ->
            shortcut(
                s, map, picture, first, end, fromChannel, toChannel, true, scratch, to, stride);
        case Slice s ->
            slice(s, picture, first, end, fromChannel, toChannel, true, scratch, to, stride);
        case Normalized n ->
            throw new IllegalArgumentException("A batch norm is no term of an activation");
      }
    }
  }

  private static void shortcut(
      Shortcut term,
      FeatureMap map,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      boolean add,
      float[] scratch,
      int to,
      int stride) {
    if (!term.transform().isIdentity()) {
      transformed(term, picture, first, end, fromChannel, toChannel, scratch, to, stride);
      return;
    }
    int channels = map.channels();
    long from = picture * map.bytes() + 4L * ((long) first * channels + fromChannel);
    int at = to + fromChannel;
    int length = toChannel - fromChannel;
    if (add) {
      Segments.add(term.gradient(), from, channels, scratch, at, length, stride, end - first);
    } else {
      Segments.copyIn(term.gradient(), from, channels, scratch, at, length, stride, end - first);
    }
  }

  private static void slice(
      Slice term,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      boolean add,
      float[] scratch,
      int to,
      int stride) {
    int pitch = term.layout().pitch();
    long pixel = (long) picture * term.map().pixels() + first;
    long from = 4 * (pixel * pitch + term.layout().offset() + fromChannel);
    int at = to + fromChannel;
    int length = toChannel - fromChannel;
    if (add) {
      Segments.add(term.gradient(), from, pitch, scratch, at, length, stride, end - first);
    } else {
      Segments.copyIn(term.gradient(), from, pitch, scratch, at, length, stride, end - first);
    }
  }

  private static void clear(float[] scratch, int at, int length, int step, int rows) {
    for (int row = 0; row < rows; row++) {
      Arrays.fill(scratch, at + row * step, at + row * step + length, 0f);
    }
  }

  /** da[iy,ix,c] += dy[iy/s,ix/s,offset+c] / pixels of that window. */
  private static void transformed(
      Shortcut term,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int to,
      int stride) {
    Resample op = term.transform();
    int width = op.input().width();
    long base =
        4L * picture * op.outputHeight() * op.outputWidth() * op.outputChannels()
            + 4L * (op.channelOffset() + fromChannel);
    for (int p = first; p < end; p++) {
      int oy = p / width / op.stride();
      int ox = p % width / op.stride();
      long from = base + 4L * (oy * op.outputWidth() + ox) * op.outputChannels();
      float share = Resampler.share(op, oy, ox);
      int at = to + (p - first) * stride + fromChannel;
      Segments.addRow(term.gradient(), from, scratch, at, toChannel - fromChannel, share);
    }
  }

  /** Whether a gradient's only term already lies where its sum is to be left. */
  public static boolean isInPlace(BackwardArgs args, MemorySegment gradientOut) {
    MemorySegment only = GradientTerm.plainBuffer(args.outputTerms().getFirst());
    return args.outputTerms().size() == 1
        && only != null
        && only.address() == gradientOut.address();
  }
}
