package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Layout;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** What follows the operator: bias, shortcut, and the sums that the next batch norm needs. */
final class ScalarOutput {
  private ScalarOutput() {}

  static void addBias(ForwardArgs args, float[] scratch, int outAt) {
    if (!args.stage().hasBias()) {
      return;
    }
    MemorySegment bias = requireNonNull(args.bias());
    FeatureMap out = args.stage().output();
    for (int pixel = 0; pixel < out.pixels(); pixel++) {
      for (int c = 0; c < out.channels(); c++) {
        scratch[outAt + pixel * out.channels() + c] += Floats.get(bias, c);
      }
    }
  }

  /** Reads the shortcut's picture whole before y is written, for they may share their buffer. */
  static void addShortcut(
      ForwardArgs args, int picture, float[] scratch, int shortcutAt, int outAt) {
    Stage.Residual residual = args.stage().residual();
    ForwardArgs.ResidualArgs buffers = args.residual();
    if (residual == null || buffers == null) {
      return;
    }
    ScalarActivation.read(
        residual.activation(),
        residual.transform().input(),
        picture,
        buffers.x(),
        buffers.table(),
        scratch,
        shortcutAt);
    ScalarResample.add(residual.transform(), scratch, shortcutAt, outAt);
  }

  /** Writes y where its layout has it. */
  static void store(ForwardArgs args, int picture, float[] scratch, int outAt) {
    FeatureMap out = args.stage().output();
    Layout layout = args.stage().layout();
    int channels = out.channels();
    for (int pixel = 0; pixel < out.pixels(); pixel++) {
      long to = ((long) picture * out.pixels() + pixel) * layout.pitch() + layout.offset();
      MemorySegment.copy(scratch, outAt + pixel * channels, args.y(), JAVA_FLOAT, 4 * to, channels);
    }
  }

  /** Zeroes a leaf's region, so that a leaf without pictures counts as nothing. */
  static void clearStatistics(ForwardArgs args, int region) {
    if (args.stage().statistics()) {
      MemorySegment sums = requireNonNull(args.statistics());
      long bytes = Partials.statisticsBytes(args.stage().output().channels());
      Objects.checkFromIndexSize(region * bytes, bytes, sums.byteSize());
      for (long i = 0; i < bytes; i += 4) {
        sums.set(JAVA_FLOAT, region * bytes + i, 0f);
      }
    }
  }

  /** Adds one picture's sums; the leaf's first pixel is the shift that keeps the squares small. */
  static void addStatistics(
      ForwardArgs args, int region, boolean first, float[] scratch, int outAt) {
    if (!args.stage().statistics()) {
      return;
    }
    MemorySegment sums = requireNonNull(args.statistics());
    FeatureMap out = args.stage().output();
    int channels = out.channels();
    long base = region * Partials.statisticsBytes(channels);
    for (int c = 0; c < channels; c++) {
      long shiftAt = base + Partials.statisticsShifts(channels) + 4L * c;
      long countAt = base + 8L * c;
      long sumAt = base + Partials.statisticsSums(channels) + 8L * c;
      long squareAt = base + Partials.statisticsSquares(channels) + 8L * c;
      if (first) {
        sums.set(JAVA_FLOAT, shiftAt, scratch[outAt + c]);
      }
      double shift = sums.get(JAVA_FLOAT, shiftAt);
      double sum = 0;
      double square = 0;
      for (int pixel = 0; pixel < out.pixels(); pixel++) {
        double value = scratch[outAt + pixel * channels + c] - shift;
        sum += value;
        square += value * value;
      }
      sums.set(JAVA_DOUBLE, countAt, sums.get(JAVA_DOUBLE, countAt) + out.pixels());
      sums.set(JAVA_DOUBLE, sumAt, sums.get(JAVA_DOUBLE, sumAt) + sum);
      sums.set(JAVA_DOUBLE, squareAt, sums.get(JAVA_DOUBLE, squareAt) + square);
    }
  }
}
