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
      float mean = moments.get(JAVA_FLOAT, 4L * c);
      double sd = Math.sqrt((double) moments.get(JAVA_FLOAT, 4L * (channels + c)) + epsilon);
      set(table, ChannelTable.MEAN, channels, c, mean);
      set(table, ChannelTable.RSD, channels, c, 1 / sd);
      double scale = gamma != null ? gamma.get(JAVA_FLOAT, 4L * c) : sd;
      double shift = beta != null ? beta.get(JAVA_FLOAT, 4L * c) : mean;
      set(table, ChannelTable.GAMMA, channels, c, scale);
      set(table, ChannelTable.BETA, channels, c, shift);
      if (activation.store().isCodes()) {
        fillCodeRows(activation, channels, c, scale, shift, table);
      }
    }
  }

  /** The codes' rows: ALGORITHM's grid with its bias, clamped edge and explicit sign. */
  private static void fillCodeRows(
      Activation activation, int channels, int c, double gamma, double beta, MemorySegment table) {
    StoreFormat format = activation.store();
    double step = format.step();
    int half = 1 << (format.bits() - 1);
    int top = (1 << format.bits()) - 1;
    double sign = gamma < 0 ? -1 : 1;
    double g = Math.max(Math.abs(gamma), 1e-8);
    double b = activation.relu() ? beta / g : 0;
    double raw = half - Math.floor(b / step);
    double s = Math.clamp(raw, 1, top);
    double grid = raw == s ? b : (half - s) * step;
    double centre = (0.5 - s) * step - grid;
    set(table, ChannelTable.CODE_SCALE, channels, c, sign / step);
    set(table, ChannelTable.CODE_OFFSET, channels, c, grid / step + s);
    set(table, ChannelTable.EDGE, channels, c, s);
    set(table, ChannelTable.HAT_SCALE, channels, c, sign * step);
    set(table, ChannelTable.HAT_OFFSET, channels, c, sign * centre);
    set(table, ChannelTable.ACT_SCALE, channels, c, g * step);
    set(table, ChannelTable.ACT_OFFSET, channels, c, g * centre + beta);
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
      double scale =
          (double) get(table, ChannelTable.GAMMA, channels, c)
              * get(table, ChannelTable.RSD, channels, c);
      set(table, ChannelTable.DX_SCALE, channels, c, scale);
      set(table, ChannelTable.DX_MEAN, channels, c, scale * sum / count);
      set(table, ChannelTable.DX_HAT, channels, c, scale * hat / count);
    }
  }
}
