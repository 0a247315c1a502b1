package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.Segments.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.DepthwiseConvolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Gradients of weights and bias: summed over a shard in scratch, then over shards in memory. */
final class ParameterGradients {
  private ParameterGradients() {}

  /** Zeroes a shard's accumulators of the weights. */
  static void start(Stage stage, Algorithms algorithms, float[] scratch) {
    int dw = ScratchLayout.weightGradient(stage);
    int floats = OperatorGeometry.weightGradientFloats(stage.operator(), algorithms);
    Arrays.fill(scratch, dw, dw + floats, 0f);
  }

  /**
   * Adds one picture's gradient of the weights; tiles as in {@link OperatorGeometry}.
   *
   * @param index which of the shard's pictures this is
   * @param last whether it is the shard's last one
   */
  static void addWeights(
      Stage stage,
      Algorithms algorithms,
      int index,
      boolean last,
      float[] scratch,
      int tile,
      int dy) {
    int dw = ScratchLayout.weightGradient(stage);
    switch (stage.operator()) {
      case Convolution op -> {
        if (algorithms.backwardWeights(op)) {
          int work = ScratchLayout.weightWork(stage, algorithms);
          int pictures = WinogradBackwardWeights.pictures(op);
          int i = index % pictures;
          WinogradBackwardWeights.gather(op, i, scratch, tile, dy, work);
          if (last || i + 1 == pictures) {
            WinogradBackwardWeights.multiply(op, i + 1, scratch, work, dw);
          }
        } else {
          ConvolutionBackwardWeights.accumulate(op, scratch, tile, scratch, dy, scratch, dw);
        }
      }
      case DepthwiseConvolution op -> Depthwise.backwardWeights(op, scratch, tile, dy, dw);
      default -> throw new IllegalStateException(stage.operator() + " has no weights");
    }
  }

  /**
   * Adds one picture's gradient of the bias.
   *
   * @param dy index of the first pixel of the output's gradient
   * @param extra floats between the rows of the output's gradient
   */
  static void addBias(FeatureMap map, float[] scratch, int dy, int extra, int bias) {
    int channels = map.channels();
    if (map.pixels() == 1) {
      // A dense layer comes here so seldom that vectors would stay objects on the heap for long.
      for (int c = 0; c < channels; c++) {
        scratch[bias + c] += scratch[dy + c];
      }
      return;
    }
    // The last vector reads the next pixel's values, which stay in the padding.
    for (int c = 0; c < channels; c += LANES) {
      for (int y = 0; y < map.height(); y++) {
        int from = dy + y * (map.width() * channels + extra) + c;
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int x = 0; x < map.width(); x++) {
          sum = sum.add(FloatVector.fromArray(FLOATS, scratch, from + x * channels));
        }
        FloatVector.fromArray(FLOATS, scratch, bias + c).add(sum).intoArray(scratch, bias + c);
      }
    }
  }

  /** Writes a shard's sums to its region. */
  static void finish(BackwardArgs args, Algorithms algorithms, int shard, float[] scratch) {
    Stage stage = args.stage();
    MemorySegment region = args.gradients();
    long base = shard * Partials.gradientBytes(stage);
    int dw = ScratchLayout.weightGradient(stage);
    switch (stage.operator()) {
      case Convolution op -> {
        if (algorithms.backwardWeights(op)) {
          WinogradWeights.flush(op, scratch, dw, region, base);
        } else {
          ConvolutionBackwardWeights.flush(op, scratch, dw, region, base);
        }
      }
      case DepthwiseConvolution op -> Depthwise.flush(op, scratch, dw, region, base);
      default -> {}
    }
    finishBias(args, shard, scratch);
  }

  /** Writes a shard's gradient of the bias to its region. */
  static void finishBias(BackwardArgs args, int shard, float[] scratch) {
    Stage stage = args.stage();
    if (stage.hasBias()) {
      long at = shard * Partials.gradientBytes(stage) + Partials.gradientBias(stage);
      int bias = ScratchLayout.bias(stage);
      MemorySegment.copy(
          scratch, bias, args.gradients(), JAVA_FLOAT, at, stage.output().channels());
    }
  }

  /** Sums values {@code [from, to)} of all shards, in their order. */
  static void merge(
      MemorySegment partials, int shards, long shardBytes, int from, int to, MemorySegment target) {
    int bound = from + FLOATS.loopBound(to - from);
    for (int i = from; i < bound; i += LANES) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int s = 0; s < shards; s++) {
        sum =
            sum.add(
                FloatVector.fromMemorySegment(FLOATS, partials, s * shardBytes + 4L * i, ORDER));
      }
      sum.intoMemorySegment(target, 4L * i, ORDER);
    }
    for (int i = bound; i < to; i++) {
      float sum = 0;
      for (int s = 0; s < shards; s++) {
        sum += partials.get(JAVA_FLOAT, s * shardBytes + 4L * i);
      }
      target.set(JAVA_FLOAT, 4L * i, sum);
    }
  }
}
