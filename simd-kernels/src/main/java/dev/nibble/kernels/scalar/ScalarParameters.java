package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/** A shard's partial gradients of weights and bias. */
final class ScalarParameters {
  private ScalarParameters() {}

  /** Zeroes a shard's region, so that a shard without pictures counts as nothing. */
  static void clear(BackwardArgs args, int shard) {
    long bytes = Partials.gradientBytes(args.stage());
    MemorySegment region = args.gradients();
    Objects.checkFromIndexSize(shard * bytes, bytes, region.byteSize());
    for (long i = 0; i < bytes; i += 4) {
      region.set(JAVA_FLOAT, shard * bytes + i, 0f);
    }
  }

  /** db[co] += sum over pixels of dy[co]. */
  static void addBias(BackwardArgs args, int shard, float[] scratch, int dyAt) {
    Stage stage = args.stage();
    if (!stage.hasBias()) {
      return;
    }
    FeatureMap out = stage.output();
    long base = shard * Partials.gradientBytes(stage) + Partials.gradientBias(stage);
    for (int c = 0; c < out.channels(); c++) {
      double sum = 0;
      for (int pixel = 0; pixel < out.pixels(); pixel++) {
        sum += scratch[dyAt + pixel * out.channels() + c];
      }
      add(args.gradients(), base + 4L * c, (float) sum);
    }
  }

  /**
   * Adds a picture's gradient of the weights. It is summed by itself first: sums of sums lose less
   * than one long fp32 sum over the shard.
   */
  static void addWeights(
      BackwardArgs args, int shard, float[] scratch, int dyAt, int actAt, int dwAt) {
    Operator operator = args.stage().operator();
    int weights = operator.weights();
    Arrays.fill(scratch, dwAt, dwAt + weights, 0f);
    switch (operator) {
      case Operator.Convolution op ->
          ScalarConvolution.backwardWeight(op, scratch, dyAt, actAt, dwAt);
      case Operator.DepthwiseConvolution op ->
          ScalarDepthwise.backwardWeight(op, scratch, dyAt, actAt, dwAt);
      default -> throw new IllegalStateException(operator + " has no weights");
    }
    long base = shard * Partials.gradientBytes(args.stage());
    for (int i = 0; i < weights; i++) {
      add(args.gradients(), base + 4L * i, scratch[dwAt + i]);
    }
  }

  private static void add(MemorySegment region, long offset, float value) {
    region.set(JAVA_FLOAT, offset, region.get(JAVA_FLOAT, offset) + value);
  }
}
