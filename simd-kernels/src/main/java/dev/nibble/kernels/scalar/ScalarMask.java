package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The way back through the nonlinearity: its derivative, and the sums that batch norm's gradients
 * are made of.
 */
final class ScalarMask {
  private ScalarMask() {}

  /** Clears a leaf's region, so that a leaf without pictures counts as nothing. */
  static void clear(BackwardArgs args, int region) {
    long bytes = Partials.sumBytes(args.stage());
    Objects.checkFromIndexSize(region * bytes, bytes, args.sums().byteSize());
    for (int c = 0; c < Partials.sumRows(args.stage()) * args.stage().input().channels(); c++) {
      args.sums().set(JAVA_DOUBLE, region * bytes + 8L * c, 0);
    }
  }

  /**
   * Takes the picture's gradient times the derivative, in place, and adds sum(d), with batch norm
   * sum(d * hat~), and of a function with slopes sum(da * min(z~, 0)).
   */
  static void apply(BackwardArgs args, int region, int picture, float[] scratch, int at) {
    Activation activation = args.stage().activation();
    FeatureMap map = args.stage().input();
    MemorySegment table = args.table();
    MemorySegment store = args.store();
    int channels = map.channels();
    long sums = region * Partials.sumBytes(args.stage());
    long hats = sums + Partials.hats(args.stage());
    MemorySegment target = args.sums();
    for (int c = 0; c < channels; c++) {
      double sum = 0;
      double hatSum = 0;
      double slopeSum = 0;
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        int i = at + pixel * channels + c;
        if (!activation.isLinear()) {
          Nonlinearity function = activation.nonlinearity();
          float z = argument(activation, map, table, store, picture, pixel, c);
          float slope = ScalarActivation.slope(function, table, channels, c);
          slopeSum += z <= 0 ? (double) scratch[i] * z : 0;
          scratch[i] *= function.derivative(z, slope);
        }
        sum += scratch[i];
        if (activation.normalize()) {
          float w = Codes.stored(activation.store(), map, requireNonNull(store), picture, pixel, c);
          hatSum += scratch[i] * (double) hat(requireNonNull(table), channels, c, w);
        }
      }
      target.set(JAVA_DOUBLE, sums + 8L * c, target.get(JAVA_DOUBLE, sums + 8L * c) + sum);
      target.set(JAVA_DOUBLE, hats + 8L * c, target.get(JAVA_DOUBLE, hats + 8L * c) + hatSum);
      if (activation.nonlinearity().hasSlope()) {
        long slopes = hats + 8L * (channels + c);
        target.set(JAVA_DOUBLE, slopes, target.get(JAVA_DOUBLE, slopes) + slopeSum);
      }
    }
  }

  /** The restored normalised value of what was stored. */
  private static float hat(MemorySegment table, int channels, int c, float w) {
    boolean low = w < Floats.coefficient(table, ChannelTable.EDGE, channels, c);
    int row = low ? ChannelTable.LOW_HAT_SCALE : ChannelTable.HAT_SCALE;
    return Math.fma(
        w,
        Floats.coefficient(table, row, channels, c),
        Floats.coefficient(table, row + 1, channels, c));
  }

  /** The function's argument: as the forward pass computed it, or as its code restores it. */
  private static float argument(
      Activation activation,
      FeatureMap map,
      @Nullable MemorySegment table,
      @Nullable MemorySegment store,
      int picture,
      int pixel,
      int c) {
    StoreFormat format = activation.store();
    int channels = map.channels();
    float q = Codes.stored(format, map, requireNonNull(store), picture, pixel, c);
    if (format.isCodes()) {
      Nonlinearity function = activation.nonlinearity();
      return ScalarActivation.argument(function, requireNonNull(table), channels, c, q);
    }
    if (!activation.normalize()) {
      return q;
    }
    return Math.fma(
        q,
        Floats.coefficient(requireNonNull(table), ChannelTable.Z_SCALE, channels, c),
        Floats.coefficient(table, ChannelTable.Z_OFFSET, channels, c));
  }
}
