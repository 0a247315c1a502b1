package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Arithmetic over channels and leaves, in double; every CPU provider shares it. */
final class ChannelMath {
  private ChannelMath() {}

  private static float get(MemorySegment table, int row, int channels, int c) {
    return table.get(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c);
  }

  private static void set(MemorySegment table, int row, int channels, int c, double value) {
    table.set(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c, (float) value);
  }

  // The fixed tree: the parts of each group become one, then the groups, neighbours first. Regions
  // are merged where they lie, so that nothing is allocated.

  /** Chan's parallel update. */
  static void mergeStatistics(
      MemorySegment partials, Cut cut, int channels, int from, int to, MemorySegment moments) {
    long bytes = Partials.statisticsBytes(channels);
    Door.checkRange(from, to, channels, "channels");
    Door.check(partials, cut.leaves() * bytes, "sums");
    Door.check(moments, 8L * channels, "moments");
    long group = cut.parts() * bytes;
    for (int i = 0; i < cut.groups(); i++) {
      mergeStatistics(partials, i * group, bytes, cut.parts(), channels, from, to);
    }
    mergeStatistics(partials, 0, group, cut.groups(), channels, from, to);
    for (int c = from; c < to; c++) {
      double count = partials.get(JAVA_DOUBLE, 8L * c);
      double sum = partials.get(JAVA_DOUBLE, Partials.statisticsSums(channels) + 8L * c);
      double square = partials.get(JAVA_DOUBLE, Partials.statisticsSquares(channels) + 8L * c);
      double shift = partials.get(JAVA_FLOAT, Partials.statisticsShifts(channels) + 4L * c);
      moments.set(JAVA_FLOAT, 4L * c, (float) (shift + sum / count));
      double variance = Math.max(square - sum * sum / count, 0) / count;
      moments.set(JAVA_FLOAT, 4L * (channels + c), (float) variance);
    }
  }

  /** Merges {@code regions} regions, {@code step} bytes apart, into the first. */
  private static void mergeStatistics(
      MemorySegment partials, long first, long step, int regions, int channels, int from, int to) {
    for (int width = 1; width < regions; width *= 2) {
      for (int i = 0; i + width < regions; i += 2 * width) {
        addStatistics(partials, first + i * step, first + (i + width) * step, channels, from, to);
      }
    }
  }

  /** Adds the sums at b to those at a, whose shift they take over. */
  private static void addStatistics(
      MemorySegment partials, long a, long b, int channels, int from, int to) {
    long sums = Partials.statisticsSums(channels);
    long squares = Partials.statisticsSquares(channels);
    long shifts = Partials.statisticsShifts(channels);
    for (int c = from; c < to; c++) {
      double more = partials.get(JAVA_DOUBLE, b + 8L * c);
      if (more == 0) {
        continue;
      }
      double count = partials.get(JAVA_DOUBLE, a + 8L * c);
      double sum = partials.get(JAVA_DOUBLE, b + sums + 8L * c);
      double square = partials.get(JAVA_DOUBLE, b + squares + 8L * c);
      float shift = partials.get(JAVA_FLOAT, b + shifts + 4L * c);
      if (count == 0) {
        partials.set(JAVA_FLOAT, a + shifts + 4L * c, shift);
      } else {
        // sum(x - s) and sum((x - s)^2) about the other shift s.
        double move = (double) shift - partials.get(JAVA_FLOAT, a + shifts + 4L * c);
        square += move * (2 * sum + move * more);
        sum += move * more;
        sum += partials.get(JAVA_DOUBLE, a + sums + 8L * c);
        square += partials.get(JAVA_DOUBLE, a + squares + 8L * c);
      }
      partials.set(JAVA_DOUBLE, a + 8L * c, count + more);
      partials.set(JAVA_DOUBLE, a + sums + 8L * c, sum);
      partials.set(JAVA_DOUBLE, a + squares + 8L * c, square);
    }
  }

  /**
   * Some of the tree's pairs only: what a worker has of it, or what is left when all have theirs.
   */
  static void mergeStatistics(
      MemorySegment partials, Merges merges, int channels, int from, int to) {
    long bytes = Partials.statisticsBytes(channels);
    Door.checkRange(from, to, channels, "channels");
    Door.check(partials, merges.regions() * bytes, "sums");
    for (int i = 0; i < merges.size(); i++) {
      addStatistics(partials, merges.into(i) * bytes, merges.from(i) * bytes, channels, from, to);
    }
  }

  static void fillTable(
      Activation activation,
      int channels,
      int from,
      int to,
      MemorySegment moments,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      float epsilon,
      MemorySegment table) {
    Door.checkRange(from, to, channels, "channels");
    Door.check(moments, 8L * channels, "moments");
    Door.check(table, ChannelTable.bytes(channels), "table");
    if (activation.normalize()) {
      if (gamma == null || beta == null) {
        throw new IllegalArgumentException("Batch norm needs its scale and shift");
      }
      Door.check(gamma, 4L * channels, "scale");
      Door.check(beta, 4L * channels, "shift");
    }
    for (int c = from; c < to; c++) {
      double mean = moments.get(JAVA_FLOAT, 4L * c);
      double sd = Math.sqrt((double) moments.get(JAVA_FLOAT, 4L * (channels + c)) + epsilon);
      double scale = gamma != null ? gamma.get(JAVA_FLOAT, 4L * c) : sd;
      double shift = beta != null ? beta.get(JAVA_FLOAT, 4L * c) : mean;
      if (activation.normalize()) {
        setFolded(table, ChannelTable.Z_SCALE, channels, c, scale / sd, shift, mean);
      } else {
        set(table, ChannelTable.Z_SCALE, channels, c, 1);
        // Adding -0 changes no number, adding 0 turns -0 into 0.
        set(table, ChannelTable.Z_OFFSET, channels, c, -0.0);
      }
      if (activation.store().isCodes()) {
        fillCodeRows(activation, channels, c, scale, shift, mean, sd, table);
      } else {
        set(table, ChannelTable.EDGE, channels, c, 0);
        setFolded(table, ChannelTable.HAT_SCALE, channels, c, 1 / sd, 0, mean);
      }
    }
  }

  /**
   * Writes a scale and, in the row behind it, the offset of {@code (x - mean) * scale + shift}. The
   * mean is taken times the scale as it was rounded, so that x near the mean loses nothing to the
   * rounding of the scale.
   */
  private static void setFolded(
      MemorySegment table, int row, int channels, int c, double scale, double shift, double mean) {
    set(table, row, channels, c, scale);
    set(table, row + 1, channels, c, shift - mean * (float) scale);
  }

  /** The codes' rows: ALGORITHM's grid with its bias, clamped edge and explicit sign. */
  private static void fillCodeRows(
      Activation activation,
      int channels,
      int c,
      double gamma,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    StoreFormat format = activation.store();
    boolean relu = activation.relu();
    double step = format.step();
    int codes = 1 << format.bits();
    int half = codes / 2;
    int top = codes - 1;
    double sign = gamma < 0 ? -1 : 1;
    double g = Math.max(Math.abs(gamma), 1e-8);
    double b = relu ? beta / g : 0;
    double raw = half - Math.floor(b / step);
    double s = Math.clamp(raw, 1, top);
    double grid = raw == s ? b : (half - s) * step;
    double centre = (0.5 - s) * step - grid;
    double origin = codes + s + grid / step;
    setFolded(table, ChannelTable.CODE_SCALE, channels, c, sign / (sd * step), origin, mean);
    set(table, ChannelTable.EDGE, channels, c, relu ? s : 0);
    set(table, ChannelTable.HAT_SCALE, channels, c, sign * step);
    set(table, ChannelTable.HAT_OFFSET, channels, c, sign * centre);
    // Where the ReLU's edge lies above the range, the one code on its positive side may have a
    // centre below the edge: it is restored to 0.
    boolean below = relu && g * (s * step + centre) + beta < 0;
    set(table, ChannelTable.ACT_SCALE, channels, c, below ? 0 : g * step);
    set(table, ChannelTable.ACT_OFFSET, channels, c, below ? 0 : g * centre + beta);
  }

  static void mergeWeights(BackwardArgs args, Cut cut, int from, int to, MemorySegment target) {
    Stage stage = args.stage();
    int size = Partials.weightValues(stage);
    Door.checkRange(from, to, size, "weights");
    Door.check(target, 4L * size, "weights' gradient");
    MemorySegment gradients = args.gradients();
    if (gradients == null) {
      throw new IllegalArgumentException("Only a stage with weights has their gradient");
    }
    long bytes = Partials.weightBytes(stage);
    Door.check(gradients, (cut.groups() - 1) * bytes + 4L * size, "partial gradients");
    for (int width = 1; width < cut.groups(); width *= 2) {
      for (int group = 0; group + width < cut.groups(); group += 2 * width) {
        long a = group * bytes;
        long b = (group + width) * bytes;
        addFloats(gradients, a, b, from, to);
      }
    }
    for (int i = from; i < to; i++) {
      target.set(JAVA_FLOAT, 4L * i, gradients.get(JAVA_FLOAT, 4L * i));
    }
  }

  static void mergeWeights(BackwardArgs args, Merges merges, int from, int to) {
    Stage stage = args.stage();
    int size = Partials.weightValues(stage);
    Door.checkRange(from, to, size, "weights");
    MemorySegment gradients = args.gradients();
    if (gradients == null) {
      throw new IllegalArgumentException("Only a stage with weights has their gradient");
    }
    long bytes = Partials.weightBytes(stage);
    Door.check(gradients, (merges.regions() - 1) * bytes + 4L * size, "partial gradients");
    for (int i = 0; i < merges.size(); i++) {
      addFloats(gradients, merges.into(i) * bytes, merges.from(i) * bytes, from, to);
    }
  }

  private static void addFloats(MemorySegment sums, long to, long other, int from, int end) {
    for (int i = from; i < end; i++) {
      float sum = sums.get(JAVA_FLOAT, to + 4L * i) + sums.get(JAVA_FLOAT, other + 4L * i);
      sums.set(JAVA_FLOAT, to + 4L * i, sum);
    }
  }

  static void mergeChannels(
      BackwardArgs args,
      Cut cut,
      int pictures,
      int from,
      int to,
      MemorySegment gammaGradient,
      MemorySegment betaGradient) {
    Stage stage = args.stage();
    int channels = stage.input().channels();
    MemorySegment table = args.table();
    if (!stage.activation().normalize() || table == null) {
      throw new IllegalArgumentException("Only a stage with batch norm has channel gradients");
    }
    Door.checkRange(from, to, channels, "channels");
    Door.check(gammaGradient, 4L * channels, "scale's gradient");
    Door.check(betaGradient, 4L * channels, "shift's gradient");
    long bytes = Partials.sumBytes(stage);
    MemorySegment sums = Door.check(args.sums(), cut.leaves() * bytes, "partial sums");
    long hats = Partials.hats(stage);
    long group = cut.parts() * bytes;
    for (int i = 0; i < cut.groups(); i++) {
      mergeSums(sums, i * group, bytes, cut.parts(), hats, from, to);
    }
    mergeSums(sums, 0, group, cut.groups(), hats, from, to);
    double count = (double) pictures * stage.input().pixels();
    for (int c = from; c < to; c++) {
      double sum = sums.get(JAVA_DOUBLE, 8L * c);
      double hat = sums.get(JAVA_DOUBLE, hats + 8L * c);
      betaGradient.set(JAVA_FLOAT, 4L * c, (float) sum);
      gammaGradient.set(JAVA_FLOAT, 4L * c, (float) hat);
      double scale = get(table, ChannelTable.Z_SCALE, channels, c);
      double slope = scale * hat / count;
      double unit = get(table, ChannelTable.HAT_SCALE, channels, c);
      double origin = get(table, ChannelTable.HAT_OFFSET, channels, c);
      set(table, ChannelTable.DX_SCALE, channels, c, scale);
      set(table, ChannelTable.DX_CODE, channels, c, -slope * unit);
      set(table, ChannelTable.DX_OFFSET, channels, c, -scale * sum / count - slope * origin);
    }
  }

  private static void mergeSums(
      MemorySegment sums, long first, long step, int regions, long hats, int from, int to) {
    for (int width = 1; width < regions; width *= 2) {
      for (int i = 0; i + width < regions; i += 2 * width) {
        addSums(sums, first + i * step, first + (i + width) * step, hats, from, to);
      }
    }
  }

  static void mergeSums(BackwardArgs args, Merges merges, int from, int to) {
    Stage stage = args.stage();
    Door.checkRange(from, to, stage.input().channels(), "channels");
    long bytes = Partials.sumBytes(stage);
    MemorySegment sums = Door.check(args.sums(), merges.regions() * bytes, "partial sums");
    for (int i = 0; i < merges.size(); i++) {
      long into = merges.into(i) * bytes;
      addSums(sums, into, merges.from(i) * bytes, Partials.hats(stage), from, to);
    }
  }

  private static void addSums(MemorySegment sums, long a, long b, long hats, int from, int to) {
    for (int c = from; c < to; c++) {
      addDouble(sums, a + 8L * c, b + 8L * c);
      addDouble(sums, a + hats + 8L * c, b + hats + 8L * c);
    }
  }

  private static void addDouble(MemorySegment sums, long to, long from) {
    sums.set(JAVA_DOUBLE, to, sums.get(JAVA_DOUBLE, to) + sums.get(JAVA_DOUBLE, from));
  }
}
