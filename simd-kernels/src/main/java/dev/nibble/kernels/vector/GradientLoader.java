package dev.nibble.kernels.vector;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.GradientTerm.Normalized;
import dev.nibble.kernels.GradientTerm.Shortcut;
import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Sums the terms of a gradient for one picture. Shortcuts come first, then what passes through
 * batch norms is added to them; the first summand is written, not added. Terms are visited by
 * index: an iterator would be an allocation.
 */
final class GradientLoader {
  private GradientLoader() {}

  /** The pixels that share a byte in the stores of the terms, at most. */
  static int pixelsPerGroup(List<GradientTerm> terms) {
    int group = 1;
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i) instanceof Normalized n) {
        group = Math.max(group, n.format().pixelsPerGroup());
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

  /** Copies the table of the only batch norm among the terms, once a shard. */
  static void start(List<GradientTerm> terms, float[] scratch, int table) {
    if (countNormalized(terms) != 1) {
      return;
    }
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i) instanceof Normalized n) {
        TableRows.load(n.table(), n.map().channels(), scratch, table);
      }
    }
  }

  /**
   * Writes the sum of a stage's output terms.
   *
   * @param table index of the terms' {@link TableRows} in scratch
   * @param tile index of the picture's first pixel in scratch
   * @param extra floats between the tile's rows; groups of pixels do not cross rows then
   */
  static void load(
      BackwardArgs args, int picture, float[] scratch, int table, int tile, int extra) {
    List<GradientTerm> terms = args.outputTerms();
    FeatureMap map = args.stage().output();
    int row = map.width() * map.channels();
    boolean empty = true;
    for (int i = 0; i < terms.size(); i++) {
      if (!(terms.get(i) instanceof Shortcut s)) {
        continue;
      }
      if (!s.transform().isIdentity()) {
        if (empty) {
          clear(scratch, tile, row, row + extra, map.height());
        }
        addShortcut(s, picture, scratch, tile, map.channels(), extra);
      } else if (empty) {
        Segments.copyIn(
            s.gradient(), picture * map.bytes(), scratch, tile, row, row + extra, map.height());
      } else {
        Segments.add(
            s.gradient(), picture * map.bytes(), scratch, tile, row, row + extra, map.height());
      }
      empty = false;
    }
    boolean reload = countNormalized(terms) > 1;
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i) instanceof Normalized n) {
        if (reload) {
          TableRows.load(n.table(), n.map().channels(), scratch, table);
        }
        NormalizedGradient.load(n, picture, !empty, scratch, table, tile, extra);
        empty = false;
      }
    }
  }

  /** Adds the terms of a gradient that are shortcuts only. */
  static void addShortcuts(
      List<GradientTerm> terms, FeatureMap map, int picture, float[] scratch, int at, int stride) {
    for (int i = 0; i < terms.size(); i++) {
      if (!(terms.get(i) instanceof Shortcut s)) {
        throw new IllegalArgumentException("An activation's gradient terms are shortcuts");
      }
      if (s.transform().isIdentity()) {
        Segments.add(
            s.gradient(), picture * map.bytes(), scratch, at, map.channels(), stride, map.pixels());
      } else {
        addShortcut(s, picture, scratch, at, stride, 0);
      }
    }
  }

  private static void clear(float[] scratch, int at, int length, int step, int rows) {
    for (int row = 0; row < rows; row++) {
      Arrays.fill(scratch, at + row * step, at + row * step + length, 0f);
    }
  }

  /** da[iy,ix,c] += dy[iy/s,ix/s,offset+c] / pixels of that window. */
  private static void addShortcut(
      Shortcut term, int picture, float[] scratch, int at, int stride, int extra) {
    Resample op = term.transform();
    FeatureMap in = op.input();
    long first =
        4L * picture * op.outputHeight() * op.outputWidth() * op.outputChannels()
            + 4L * op.channelOffset();
    for (int iy = 0; iy < in.height(); iy++) {
      int oy = iy / op.stride();
      int row = at + iy * (in.width() * stride + extra);
      for (int ix = 0; ix < in.width(); ix++) {
        int ox = ix / op.stride();
        long from = first + 4L * (oy * op.outputWidth() + ox) * op.outputChannels();
        float share = Resampler.share(op, oy, ox);
        Segments.addRow(term.gradient(), from, scratch, row + ix * stride, in.channels(), share);
      }
    }
  }

  /** Whether a gradient's only term already lies where its sum is to be left. */
  static boolean isInPlace(BackwardArgs args, MemorySegment gradientOut) {
    MemorySegment only = GradientTerm.plainBuffer(args.outputTerms().getFirst());
    return args.outputTerms().size() == 1
        && only != null
        && only.address() == gradientOut.address();
  }
}
