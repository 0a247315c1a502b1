package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Fills the forward rows of a {@link ChannelTable}, in double; every CPU provider shares it.
 *
 * <p>In units of {@code u = sign * (x - mean) / sd}, where sign is that of gamma, a channel's z is
 * {@code g * u + beta}, so that an edge at z lies at {@code (z - beta) / g}. Without batch norm,
 * gamma and beta are sd and mean.
 */
final class TableMath {
  private TableMath() {}

  static float get(MemorySegment table, int row, int channels, int c) {
    return table.get(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c);
  }

  static void set(MemorySegment table, int row, int channels, int c, double value) {
    table.set(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c, (float) value);
  }

  static void fillSlopes(
      int channels, int from, int to, MemorySegment slopes, MemorySegment table) {
    ArgumentChecks.checkRange(from, to, channels, "channels");
    ArgumentChecks.check(slopes, 4L * channels, "slopes");
    ArgumentChecks.check(table, ChannelTable.bytes(channels), "table");
    for (int c = from; c < to; c++) {
      set(table, ChannelTable.SLOPE, channels, c, slopes.get(JAVA_FLOAT, 4L * c));
    }
  }

  static void fill(
      Activation activation,
      int channels,
      int from,
      int to,
      MemorySegment moments,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      float epsilon,
      MemorySegment table) {
    ArgumentChecks.checkRange(from, to, channels, "channels");
    ArgumentChecks.check(moments, 8L * channels, "moments");
    ArgumentChecks.check(table, ChannelTable.bytes(channels), "table");
    if (activation.normalize()) {
      if (gamma == null || beta == null) {
        throw new IllegalArgumentException("Batch norm needs its scale and shift");
      }
      ArgumentChecks.check(gamma, 4L * channels, "scale");
      ArgumentChecks.check(beta, 4L * channels, "shift");
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
        fillCodes(activation, channels, c, scale, shift, mean, sd, table);
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

  private static void fillCodes(
      Activation activation,
      int channels,
      int c,
      double gamma,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    Nonlinearity function = activation.nonlinearity();
    Codec codec = activation.store().codec();
    FittedLevels levels = codec.levels();
    FittedLevels capped = codec.capped();
    double sign = gamma < 0 ? -1 : 1;
    double g = Math.max(Math.abs(gamma), 1e-8);
    set(table, ChannelTable.LOW, channels, c, codec.start(0));
    set(table, ChannelTable.HIGH, channels, c, codec.start(codec.codes()));
    if (levels == null) {
      fillUniform(codec, function, channels, c, sign, g, beta, mean, sd, table);
    } else if (begins(activation, levels, g, beta) && !function.hasHighEdge()) {
      fillFitted(levels, function, 0, channels, c, sign, g, beta, mean, sd, table);
    } else if (begins(activation, levels, g, beta) && capped != null) {
      set(table, ChannelTable.HIGH, channels, c, codec.start(codec.codes() - 1));
      double room = codec.start(codec.codes() - 1) - levels.edge();
      fillFitted(capped, function, room, channels, c, sign, g, beta, mean, sd, table);
    } else {
      fillWhole(levels, channels, c, sign, g, beta, mean, sd, table);
      setEdges(codec, function, channels, c, sign, g, beta, mean, sd, table);
    }
    if (activation.relu() && activation.isDirect()) {
      // What lies below the edge is 0, and so is what one level serves that reaches below it.
      set(table, ChannelTable.LOW_ACT_SCALE, channels, c, 0);
      set(table, ChannelTable.LOW_ACT_OFFSET, channels, c, 0);
    }
  }

  /** Whether most codes begin at the function's low edge, and lie not on both sides of the mean. */
  private static boolean begins(Activation activation, FittedLevels levels, double g, double beta) {
    Nonlinearity function = activation.nonlinearity();
    return function.isFlatBelow()
        && (activation.isDirect() || !levels.prefersWhole((function.lowEdge() - beta) / g));
  }

  /** Codes on both sides of the mean. */
  private static void fillWhole(
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
    double start = levels.middle();
    set(table, ChannelTable.EDGE, channels, c, start);
    double flat = Math.min(low.scale(), high.scale());
    double scale = Math.max(low.scale(), high.scale());
    setFolded(table, ChannelTable.CODE_SCALE, channels, c, sign * scale / sd, start, mean);
    setFolded(table, ChannelTable.LOW_CODE_SCALE, channels, c, sign * flat / sd, start, mean);
    double offset = high.offset() - start * high.slope();
    setHigh(table, channels, c, sign, g, beta, high.slope(), offset);
    offset = low.offset() - start * low.slope();
    setLow(table, channels, c, sign, g, beta, low.slope(), offset);
  }

  /** The codes at which the sides of the edges meet: those that begin nearest to them. */
  private static void setEdges(
      Codec codec,
      Nonlinearity function,
      int channels,
      int c,
      double sign,
      double g,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    int least = 1;
    int last = codec.codes() - 1;
    if (function.hasLowEdge()) {
      double u = (function.lowEdge() - beta) / g;
      // Of a shared codec only code 0 keeps its side.
      int most = codec.isShared() ? 1 : function.hasHighEdge() ? last - 1 : last;
      int code =
          Math.clamp(codec.nearest(level(table, channels, c, mean + sign * u * sd)), 1, most);
      set(table, ChannelTable.LOW, channels, c, codec.start(code));
      least = code + 1;
    }
    if (function.hasHighEdge()) {
      double u = (function.highEdge() - beta) / g;
      double v = level(table, channels, c, mean + sign * u * sd);
      set(
          table,
          ChannelTable.HIGH,
          channels,
          c,
          codec.start(Math.clamp(codec.nearest(v), least, last)));
    }
  }

  /** The v of a value. */
  private static double level(MemorySegment table, int channels, int c, double x) {
    double v =
        x * get(table, ChannelTable.CODE_SCALE, channels, c)
            + get(table, ChannelTable.CODE_OFFSET, channels, c);
    double low =
        x * get(table, ChannelTable.LOW_CODE_SCALE, channels, c)
            + get(table, ChannelTable.LOW_CODE_OFFSET, channels, c);
    return Math.max(v, low);
  }

  /** The rows above the edge where u~ is {@code slope * w + offset}. */
  private static void setHigh(
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

  /** The rows below it. */
  private static void setLow(
      MemorySegment table,
      int channels,
      int c,
      double sign,
      double g,
      double beta,
      double slope,
      double offset) {
    set(table, ChannelTable.LOW_HAT_SCALE, channels, c, sign * slope);
    set(table, ChannelTable.LOW_HAT_OFFSET, channels, c, sign * offset);
    set(table, ChannelTable.LOW_ACT_SCALE, channels, c, g * slope);
    set(table, ChannelTable.LOW_ACT_OFFSET, channels, c, g * offset + beta);
  }

  /**
   * Few codes below the function's low edge, most above it.
   *
   * @param room how far v may rise above the edge before a high edge; 0 if there is none
   */
  private static void fillFitted(
      FittedLevels levels,
      Nonlinearity function,
      double room,
      int channels,
      int c,
      double sign,
      double g,
      double beta,
      double mean,
      double sd,
      MemorySegment table) {
    double t = (function.lowEdge() - beta) / g;
    double origin = FittedLevels.origin(t);
    double start = levels.edge();
    set(table, ChannelTable.EDGE, channels, c, start);
    set(table, ChannelTable.LOW, channels, c, start);
    FittedLevels.Lines above = levels.above();
    FittedLevels.Lines below = levels.below();
    double scale = above.scale(t);
    double slope = above.slope(t);
    double offset = origin + above.offset(t) - start * slope;
    double range = (function.highEdge() - beta) / g - origin;
    if (room > 0 && range * scale < room && range * 16 * scale > room) {
      // The high edge is near: all levels lie below it.
      scale = room / range;
      slope = range / room;
      offset = origin - start * slope;
    }
    setHigh(table, channels, c, sign, g, beta, slope, offset);
    // Of two lines through one point the flatter is the higher below it.
    double flat = Math.min(scale, below.scale(t));
    double at = start - origin * scale;
    setFolded(table, ChannelTable.CODE_SCALE, channels, c, sign * scale / sd, at, mean);
    at = start - origin * flat;
    setFolded(table, ChannelTable.LOW_CODE_SCALE, channels, c, sign * flat / sd, at, mean);
    if (FittedLevels.isLast(t)) {
      set(table, ChannelTable.ACT_SCALE, channels, c, 0);
      set(table, ChannelTable.ACT_OFFSET, channels, c, g * levels.least(t) + function.lowEdge());
    }
    slope = below.slope(t);
    offset = origin + below.offset(t) - start * slope;
    setLow(table, channels, c, sign, g, beta, slope, offset);
  }

  /** ALGORITHM's grid with its bias, clamped edge and explicit sign. */
  private static void fillUniform(
      Codec codec,
      Nonlinearity function,
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
    double b = function.hasLowEdge() ? (beta - function.lowEdge()) / g : 0;
    double raw = half - Math.floor(b / step);
    double s = Math.clamp(raw, 1, codes - 1);
    double grid = raw == s ? b : (half - s) * step;
    double start = codec.start(0) + s;
    double scale = sign / (sd * step);
    setFolded(table, ChannelTable.CODE_SCALE, channels, c, scale, start + grid / step, mean);
    setFolded(table, ChannelTable.LOW_CODE_SCALE, channels, c, scale, start + grid / step, mean);
    double offset = -start * step - grid;
    setHigh(table, channels, c, sign, g, beta, step, offset);
    setLow(table, channels, c, sign, g, beta, step, offset);
    boolean relu = function instanceof Nonlinearity.Relu;
    set(table, ChannelTable.EDGE, channels, c, relu ? start : codec.start(0));
    setEdges(codec, function, channels, c, sign, g, beta, mean, sd, table);
    if (function.hasLowEdge() && !function.hasHighEdge()) {
      set(table, ChannelTable.LOW, channels, c, start);
    }
    // Where the ReLU's edge lies above the range, the one code on its positive side may have a
    // centre below the edge: it is restored to 0.
    if (relu && g * ((start + 0.5) * step + offset) + beta < 0) {
      set(table, ChannelTable.ACT_SCALE, channels, c, 0);
      set(table, ChannelTable.ACT_OFFSET, channels, c, 0);
    }
  }
}
