package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** Arithmetic over channels and leaves, in double; every CPU provider shares it. */
final class ChannelMath {
  private ChannelMath() {}

  // The fixed tree: the parts of each group become one, then the groups, neighbours first. Regions
  // are merged where they lie, so that nothing is allocated.

  /** Chan's parallel update. */
  static void mergeStatistics(
      MemorySegment partials, Cut cut, int channels, int from, int to, MemorySegment moments) {
    long bytes = Partials.statisticsBytes(channels);
    ArgumentChecks.checkRange(from, to, channels, "channels");
    ArgumentChecks.check(partials, cut.leaves() * bytes, "sums");
    ArgumentChecks.check(moments, 8L * channels, "moments");
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
    ArgumentChecks.checkRange(from, to, channels, "channels");
    ArgumentChecks.check(partials, merges.regions() * bytes, "sums");
    for (int i = 0; i < merges.size(); i++) {
      addStatistics(partials, merges.into(i) * bytes, merges.from(i) * bytes, channels, from, to);
    }
  }

  static void mergeWeights(BackwardArgs args, Cut cut, int from, int to, MemorySegment target) {
    Stage stage = args.stage();
    int size = Partials.weightValues(stage);
    ArgumentChecks.checkRange(from, to, size, "weights");
    ArgumentChecks.check(target, 4L * size, "weights' gradient");
    MemorySegment gradients = args.gradients();
    if (gradients == null) {
      throw new IllegalArgumentException("Only a stage with weights has their gradient");
    }
    long bytes = Partials.weightBytes(stage);
    ArgumentChecks.check(gradients, (cut.groups() - 1) * bytes + 4L * size, "partial gradients");
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
    ArgumentChecks.checkRange(from, to, size, "weights");
    MemorySegment gradients = args.gradients();
    if (gradients == null) {
      throw new IllegalArgumentException("Only a stage with weights has their gradient");
    }
    long bytes = Partials.weightBytes(stage);
    ArgumentChecks.check(
        gradients, (merges.regions() - 1) * bytes + 4L * size, "partial gradients");
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
    ArgumentChecks.checkRange(from, to, channels, "channels");
    ArgumentChecks.check(gammaGradient, 4L * channels, "scale's gradient");
    ArgumentChecks.check(betaGradient, 4L * channels, "shift's gradient");
    long hats = Partials.hats(stage);
    MemorySegment sums = mergeSums(args, cut, 0, 2, from, to);
    double count = (double) pictures * stage.input().pixels();
    // A loop for each row: from one that does all, C2 hoists the many bounds checks with a guess
    // that fails, and throws away again and again what it took a second to compile.
    for (int c = from; c < to; c++) {
      betaGradient.set(JAVA_FLOAT, 4L * c, (float) sums.get(JAVA_DOUBLE, 8L * c));
    }
    for (int c = from; c < to; c++) {
      gammaGradient.set(JAVA_FLOAT, 4L * c, (float) sums.get(JAVA_DOUBLE, hats + 8L * c));
    }
    for (int c = from; c < to; c++) {
      double scale = TableMath.get(table, ChannelTable.Z_SCALE, channels, c);
      TableMath.set(table, ChannelTable.DX_SCALE, channels, c, scale);
    }
    setGradient(args, table, ChannelTable.DX_CODE, ChannelTable.HAT_SCALE, count, from, to);
    setGradient(args, table, ChannelTable.LOW_DX_CODE, ChannelTable.LOW_HAT_SCALE, count, from, to);
  }

  /** The line of {@code mean - slope * hat~}, from hat's own line. */
  private static void setGradient(
      BackwardArgs args, MemorySegment table, int row, int hat, double count, int from, int to) {
    int channels = args.stage().input().channels();
    MemorySegment sums = args.sums();
    long hats = Partials.hats(args.stage());
    for (int c = from; c < to; c++) {
      double scale = TableMath.get(table, ChannelTable.Z_SCALE, channels, c);
      double slope = scale * sums.get(JAVA_DOUBLE, hats + 8L * c) / count;
      TableMath.set(table, row, channels, c, -slope * TableMath.get(table, hat, channels, c));
    }
    for (int c = from; c < to; c++) {
      double scale = TableMath.get(table, ChannelTable.Z_SCALE, channels, c);
      double slope = scale * sums.get(JAVA_DOUBLE, hats + 8L * c) / count;
      double mean = -scale * sums.get(JAVA_DOUBLE, 8L * c) / count;
      double offset = TableMath.get(table, hat + 1, channels, c);
      TableMath.set(table, row + 1, channels, c, mean - slope * offset);
    }
  }

  static void mergeSlopes(
      BackwardArgs args, Cut cut, int from, int to, MemorySegment slopeGradient) {
    Stage stage = args.stage();
    int channels = stage.input().channels();
    if (!stage.activation().nonlinearity().hasSlope()) {
      throw new IllegalArgumentException("Only a function with slopes has their gradient");
    }
    ArgumentChecks.checkRange(from, to, channels, "channels");
    ArgumentChecks.check(slopeGradient, 4L * channels, "slopes' gradient");
    MemorySegment sums = mergeSums(args, cut, 2, 3, from, to);
    for (int c = from; c < to; c++) {
      double sum = sums.get(JAVA_DOUBLE, Partials.slopes(stage) + 8L * c);
      slopeGradient.set(JAVA_FLOAT, 4L * c, (float) sum);
    }
  }

  /** Merges rows [first, end) of all leaves' sums into the first leaf's. */
  private static MemorySegment mergeSums(
      BackwardArgs args, Cut cut, int first, int end, int from, int to) {
    long row = 8L * args.stage().input().channels();
    long bytes = Partials.sumBytes(args.stage());
    MemorySegment sums = ArgumentChecks.check(args.sums(), cut.leaves() * bytes, "partial sums");
    long group = cut.parts() * bytes;
    for (int i = 0; i < cut.groups(); i++) {
      mergeSums(sums, i * group, bytes, cut.parts(), row, first, end, from, to);
    }
    mergeSums(sums, 0, group, cut.groups(), row, first, end, from, to);
    return sums;
  }

  private static void mergeSums(
      MemorySegment sums,
      long start,
      long step,
      int regions,
      long row,
      int first,
      int end,
      int from,
      int to) {
    for (int width = 1; width < regions; width *= 2) {
      for (int i = 0; i + width < regions; i += 2 * width) {
        addSums(sums, start + i * step, start + (i + width) * step, row, first, end, from, to);
      }
    }
  }

  static void mergeSums(BackwardArgs args, Merges merges, int from, int to) {
    Stage stage = args.stage();
    ArgumentChecks.checkRange(from, to, stage.input().channels(), "channels");
    long bytes = Partials.sumBytes(stage);
    MemorySegment sums =
        ArgumentChecks.check(args.sums(), merges.regions() * bytes, "partial sums");
    long row = 8L * stage.input().channels();
    int rows = Partials.sumRows(stage);
    for (int i = 0; i < merges.size(); i++) {
      addSums(sums, merges.into(i) * bytes, merges.from(i) * bytes, row, 0, rows, from, to);
    }
  }

  private static void addSums(
      MemorySegment sums, long a, long b, long row, int first, int end, int from, int to) {
    for (int c = from; c < to; c++) {
      for (int i = first; i < end; i++) {
        addDouble(sums, a + i * row + 8L * c, b + i * row + 8L * c);
      }
    }
  }

  private static void addDouble(MemorySegment sums, long to, long from) {
    sums.set(JAVA_DOUBLE, to, sums.get(JAVA_DOUBLE, to) + sums.get(JAVA_DOUBLE, from));
  }
}
