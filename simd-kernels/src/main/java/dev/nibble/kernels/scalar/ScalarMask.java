package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
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
    for (int c = 0; c < 2 * args.stage().input().channels(); c++) {
      args.sums().set(JAVA_DOUBLE, region * bytes + 8L * c, 0);
    }
  }

  /**
   * Takes the picture's gradient times the derivative, in place, and adds sum(d) and, with batch
   * norm, sum(d * hat~).
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
      float unit = 0f;
      float origin = 0f;
      if (activation.normalize()) {
        unit = Floats.coefficient(requireNonNull(table), ChannelTable.HAT_SCALE, channels, c);
        origin = Floats.coefficient(table, ChannelTable.HAT_OFFSET, channels, c);
      }
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        int i = at + pixel * channels + c;
        if (!activation.isLinear()) {
          scratch[i] *= derivative(activation, map, table, store, picture, pixel, c);
        }
        sum += scratch[i];
        if (activation.normalize()) {
          float q = Codes.stored(activation.store(), map, requireNonNull(store), picture, pixel, c);
          hatSum += (double) scratch[i] * Math.fma(q, unit, origin);
        }
      }
      target.set(JAVA_DOUBLE, sums + 8L * c, target.get(JAVA_DOUBLE, sums + 8L * c) + sum);
      target.set(JAVA_DOUBLE, hats + 8L * c, target.get(JAVA_DOUBLE, hats + 8L * c) + hatSum);
    }
  }

  /** The nonlinearity's derivative: by a value's code, or at z as the forward pass computed it. */
  private static float derivative(
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
      float edge = Floats.coefficient(requireNonNull(table), ChannelTable.EDGE, channels, c);
      return q >= edge ? 1f : 0f;
    }
    float z = q;
    if (activation.normalize()) {
      z =
          Math.fma(
              q,
              Floats.coefficient(requireNonNull(table), ChannelTable.Z_SCALE, channels, c),
              Floats.coefficient(table, ChannelTable.Z_OFFSET, channels, c));
    }
    return activation.nonlinearity().derivative(z, 0f);
  }
}
