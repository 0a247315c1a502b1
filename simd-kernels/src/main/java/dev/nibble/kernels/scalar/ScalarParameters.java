package dev.nibble.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/** A leaf's partial gradients of weights and bias. */
final class ScalarParameters {
  private ScalarParameters() {}

  /** Zeroes a leaf's region, so that a leaf without pictures counts as nothing. */
  static void clear(BackwardArgs args, int region) {
    long at = region * Partials.weightBytes(args.stage());
    long bytes = 4L * Partials.weightValues(args.stage());
    if (bytes == 0) {
      return;
    }
    MemorySegment gradients = requireNonNull(args.gradients());
    Objects.checkFromIndexSize(at, bytes, gradients.byteSize());
    for (long i = 0; i < bytes; i += 4) {
      gradients.set(JAVA_FLOAT, at + i, 0f);
    }
  }

  /** db[co] += sum over pixels of dy[co]. */
  static void addBias(FeatureMap out, float[] scratch, int dyAt, int biasAt) {
    for (int c = 0; c < out.channels(); c++) {
      double sum = 0;
      for (int pixel = 0; pixel < out.pixels(); pixel++) {
        sum += scratch[dyAt + pixel * out.channels() + c];
      }
      scratch[biasAt + c] += (float) sum;
    }
  }

  /** Writes the gradient of the bias to a leaf's region. */
  static void storeBias(BackwardArgs args, int region, float[] scratch, int biasAt) {
    Stage stage = args.stage();
    long at = region * Partials.weightBytes(stage) + Partials.bias(stage);
    MemorySegment gradients = requireNonNull(args.gradients());
    for (int c = 0; c < stage.output().channels(); c++) {
      gradients.set(JAVA_FLOAT, at + 4L * c, scratch[biasAt + c]);
    }
  }

  /**
   * Adds a picture's gradient of the weights. It is summed by itself first: sums of sums lose less
   * than one long fp32 sum over the leaf.
   */
  static void addWeights(
      BackwardArgs args, int region, int picture, float[] scratch, int dyAt, int actAt, int dwAt) {
    Operator operator = args.stage().operator();
    int weights = operator.weights();
    Arrays.fill(scratch, dwAt, dwAt + weights, 0f);
    switch (operator) {
      case Operator.Convolution op -> {
        if (op.isDepthwise()) {
          ScalarDepthwise.backwardWeight(op, scratch, dyAt, actAt, dwAt);
        } else {
          ScalarConvolution.backwardWeight(op, scratch, dyAt, actAt, dwAt);
        }
      }
      case GroupNorm op ->
          ScalarGroupNorm.backwardWeight(op, picture, args.saved(), scratch, dyAt, actAt, dwAt);
      default -> throw new IllegalStateException(operator + " has no weights");
    }
    long base = region * Partials.weightBytes(args.stage());
    MemorySegment gradients = requireNonNull(args.gradients());
    for (int i = 0; i < weights; i++) {
      add(gradients, base + 4L * i, scratch[dwAt + i]);
    }
  }

  private static void add(MemorySegment region, long offset, float value) {
    region.set(JAVA_FLOAT, offset, region.get(JAVA_FLOAT, offset) + value);
  }
}
