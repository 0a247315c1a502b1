package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Arithmetic over channels and shards, in double; every CPU provider shares it. */
final class ChannelMath {
  private ChannelMath() {}

  private static float get(MemorySegment table, int row, int channels, int c) {
    return table.get(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c);
  }

  private static void set(MemorySegment table, int row, int channels, int c, double value) {
    table.set(JAVA_FLOAT, ChannelTable.offset(row, channels) + 4L * c, (float) value);
  }

  /** Chan's parallel update, in shard order. */
  static void mergeStatistics(
      MemorySegment partials, int shards, int[] bounds, FeatureMap map, MemorySegment moments) {
    int channels = map.channels();
    long bytes = Partials.statisticsBytes(channels);
    Door.check(partials, shards * bytes, "sums");
    Door.check(moments, 8L * channels, "moments");
    long sums = Partials.statisticsSums(channels);
    long squares = Partials.statisticsSquares(channels);
    for (int c = 0; c < channels; c++) {
      double count = 0;
      double mean = 0;
      double m2 = 0;
      for (int s = 0; s < shards; s++) {
        double n = (double) (bounds[s + 1] - bounds[s]) * map.pixels();
        if (n == 0) {
          continue;
        }
        double shift = partials.get(JAVA_FLOAT, s * bytes + 4L * c);
        double sum = partials.get(JAVA_DOUBLE, s * bytes + sums + 8L * c);
        double square = partials.get(JAVA_DOUBLE, s * bytes + squares + 8L * c);
        double shardMean = shift + sum / n;
        double delta = shardMean - mean;
        double total = count + n;
        mean += delta * n / total;
        m2 += Math.max(square - sum * sum / n, 0) + delta * delta * count * n / total;
        count = total;
      }
      moments.set(JAVA_FLOAT, 4L * c, (float) mean);
      moments.set(JAVA_FLOAT, 4L * (channels + c), (float) (m2 / count));
    }
  }

  static void fillTable(
      Activation activation,
      int channels,
      MemorySegment moments,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      float epsilon,
      MemorySegment table) {
    Door.check(moments, 8L * channels, "moments");
    Door.check(table, ChannelTable.bytes(channels), "table");
    if (activation.normalize()) {
      if (gamma == null || beta == null) {
        throw new IllegalArgumentException("Batch norm needs its scale and shift");
      }
      Door.check(gamma, 4L * channels, "scale");
      Door.check(beta, 4L * channels, "shift");
    }
    for (int c = 0; c < channels; c++) {
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

  static void mergeWeights(BackwardArgs args, int shards, int from, int to, MemorySegment target) {
    Stage stage = args.stage();
    int bias = stage.hasBias() ? stage.output().channels() : 0;
    int size = stage.operator().weights() + bias;
    Door.checkRange(from, to, size, "weights");
    Door.check(target, 4L * size, "weights' gradient");
    long bytes = Partials.gradientBytes(stage);
    MemorySegment partials = Door.check(args.gradients(), shards * bytes, "partial gradients");
    for (int i = from; i < to; i++) {
      float sum = 0;
      for (int s = 0; s < shards; s++) {
        sum += partials.get(JAVA_FLOAT, s * bytes + 4L * i);
      }
      target.set(JAVA_FLOAT, 4L * i, sum);
    }
  }

  static void mergeChannels(
      BackwardArgs args,
      int shards,
      int pictures,
      MemorySegment gammaGradient,
      MemorySegment betaGradient) {
    Stage stage = args.stage();
    int channels = stage.input().channels();
    MemorySegment table = args.table();
    if (!stage.activation().normalize() || table == null) {
      throw new IllegalArgumentException("Only a stage with batch norm has channel gradients");
    }
    Door.check(gammaGradient, 4L * channels, "scale's gradient");
    Door.check(betaGradient, 4L * channels, "shift's gradient");
    long bytes = Partials.gradientBytes(stage);
    MemorySegment partials = Door.check(args.gradients(), shards * bytes, "partial gradients");
    long sums = Partials.gradientSums(stage);
    long hats = Partials.gradientHats(stage);
    double count = (double) pictures * stage.input().pixels();
    for (int c = 0; c < channels; c++) {
      double sum = 0;
      double hat = 0;
      for (int s = 0; s < shards; s++) {
        sum += partials.get(JAVA_DOUBLE, s * bytes + sums + 8L * c);
        hat += partials.get(JAVA_DOUBLE, s * bytes + hats + 8L * c);
      }
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
}
