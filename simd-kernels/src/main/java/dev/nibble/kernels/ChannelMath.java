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
        set(table, ChannelTable.EDGE, channels, c, Double.NEGATIVE_INFINITY);
        setFolded(table, ChannelTable.HAT_SCALE, channels, c, 1 / sd, 0, mean);
        setFolded(table, ChannelTable.LOW_HAT_SCALE, channels, c, 1 / sd, 0, mean);
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

  private static void fillCodeRows(
      Activation activation,
      int channels,
      int c,
      double gamma,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    Codec codec = activation.store().codec();
    FittedLevels levels = codec.levels();
    double sign = gamma < 0 ? -1 : 1;
    double g = Math.max(Math.abs(gamma), 1e-8);
    if (levels == null) {
      fillUniform(codec, activation.relu(), channels, c, sign, g, beta, mean, sd, table);
    } else if (activation.relu()) {
      fillFitted(levels, channels, c, sign, g, beta, mean, sd, table);
    } else {
      fillWhole(codec, levels, channels, c, sign, g, beta, mean, sd, table);
    }
  }

  /** Codes on both sides of the mean. */
  private static void fillWhole(
      Codec codec,
      FittedLevels levels,
      int channels,
      int c,
      double sign,
      double g,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    FittedLevels.Line high = levels.overMean();
    FittedLevels.Line low = levels.underMean();
    double start = codec.start(codec.codes() / 2);
    set(table, ChannelTable.EDGE, channels, c, start);
    double flat = Math.min(low.scale(), high.scale());
    double scale = Math.max(low.scale(), high.scale());
    setFolded(table, ChannelTable.CODE_SCALE, channels, c, sign * scale / sd, start, mean);
    setFolded(table, ChannelTable.LOW_CODE_SCALE, channels, c, sign * flat / sd, start, mean);
    double offset = high.offset() - start * high.slope();
    setRestored(table, channels, c, sign, g, beta, high.slope(), offset);
    offset = low.offset() - start * low.slope();
    setLowHat(table, channels, c, sign, low.slope(), offset);
    set(table, ChannelTable.LOW_ACT_SCALE, channels, c, g * low.slope());
    set(table, ChannelTable.LOW_ACT_OFFSET, channels, c, g * offset + beta);
  }

  private static void setLowHat(
      MemorySegment table, int channels, int c, double sign, double slope, double offset) {
    set(table, ChannelTable.LOW_HAT_SCALE, channels, c, sign * slope);
    set(table, ChannelTable.LOW_HAT_OFFSET, channels, c, sign * offset);
  }

  /** The rows above the edge where u~ is {@code slope * w + offset}. */
  private static void setRestored(
      MemorySegment table,
      int channels,
      int c,
      double sign,
      double g,
      double beta,
      double slope,
      double offset) {
    set(table, ChannelTable.HAT_SCALE, channels, c, sign * slope);
    set(table, ChannelTable.HAT_OFFSET, channels, c, sign * offset);
    set(table, ChannelTable.ACT_SCALE, channels, c, g * slope);
    set(table, ChannelTable.ACT_OFFSET, channels, c, g * offset + beta);
  }

  private static void fillFitted(
      FittedLevels levels,
      int channels,
      int c,
      double sign,
      double g,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    double t = -beta / g;
    double origin = FittedLevels.origin(t);
    double start = levels.edge();
    FittedLevels.Lines above = levels.above();
    FittedLevels.Lines below = levels.below();
    double scale = above.scale(t);
    // Of two lines through one point the flatter is the higher below it.
    double flat = Math.min(scale, below.scale(t));
    double at = start - origin * scale;
    setFolded(table, ChannelTable.CODE_SCALE, channels, c, sign * scale / sd, at, mean);
    at = start - origin * flat;
    setFolded(table, ChannelTable.LOW_CODE_SCALE, channels, c, sign * flat / sd, at, mean);
    set(table, ChannelTable.EDGE, channels, c, start);
    double slope = above.slope(t);
    double offset = origin + above.offset(t) - start * slope;
    setRestored(table, channels, c, sign, g, beta, slope, offset);
    if (FittedLevels.isLast(t)) {
      set(table, ChannelTable.ACT_SCALE, channels, c, 0);
      set(table, ChannelTable.ACT_OFFSET, channels, c, g * levels.least(t));
    }
    slope = below.slope(t);
    setLowHat(table, channels, c, sign, slope, origin + below.offset(t) - start * slope);
    set(table, ChannelTable.LOW_ACT_SCALE, channels, c, 0);
    set(table, ChannelTable.LOW_ACT_OFFSET, channels, c, 0);
  }

  /** ALGORITHM's grid with its bias, clamped edge and explicit sign. */
  private static void fillUniform(
      Codec codec,
      boolean relu,
      int channels,
      int c,
      double sign,
      double g,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    double step = codec.step();
    int codes = codec.codes();
    int half = codes / 2;
    double b = relu ? beta / g : 0;
    double raw = half - Math.floor(b / step);
    double s = Math.clamp(raw, 1, codes - 1);
    double grid = raw == s ? b : (half - s) * step;
    double start = codec.start(0) + s;
    double scale = sign / (sd * step);
    setFolded(table, ChannelTable.CODE_SCALE, channels, c, scale, start + grid / step, mean);
    setFolded(table, ChannelTable.LOW_CODE_SCALE, channels, c, scale, start + grid / step, mean);
    set(table, ChannelTable.EDGE, channels, c, relu ? start : codec.start(0));
    double offset = -start * step - grid;
    setRestored(table, channels, c, sign, g, beta, step, offset);
    setLowHat(table, channels, c, sign, step, offset);
    set(table, ChannelTable.LOW_ACT_SCALE, channels, c, 0);
    set(table, ChannelTable.LOW_ACT_OFFSET, channels, c, 0);
    // Where the ReLU's edge lies above the range, the one code on its positive side may have a
    // centre below the edge: it is restored to 0.
    if (relu && g * ((start + 0.5) * step + offset) + beta < 0) {
      set(table, ChannelTable.ACT_SCALE, channels, c, 0);
      set(table, ChannelTable.ACT_OFFSET, channels, c, 0);
    }
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
      double mean = -scale * sum / count;
      set(table, ChannelTable.DX_SCALE, channels, c, scale);
      setGradient(table, ChannelTable.DX_CODE, ChannelTable.HAT_SCALE, channels, c, slope, mean);
      setGradient(
          table, ChannelTable.LOW_DX_CODE, ChannelTable.LOW_HAT_SCALE, channels, c, slope, mean);
    }
  }

  /** The line of {@code mean - slope * hat~}, from hat's own line. */
  private static void setGradient(
      MemorySegment table, int row, int hat, int channels, int c, double slope, double mean) {
    set(table, row, channels, c, -slope * get(table, hat, channels, c));
    set(table, row + 1, channels, c, mean - slope * get(table, hat + 1, channels, c));
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
