package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.DepthwiseConvolution;
import dev.nibble.kernels.Stage;

/**
 * Where one picture's values lie in scratch, for every operator. Only the convolution needs borders
 * ({@link ConvolutionGeometry}); for all others the activation and the output's gradient are one
 * long row of pixels.
 */
final class OperatorGeometry {
  private OperatorGeometry() {}

  /** Floats between the rows of the activation's tile. */
  static int tileExtra(Operator op) {
    return op instanceof Convolution c
        ? ConvolutionGeometry.tileRow(c) - c.input().width() * c.input().channels()
        : 0;
  }

  /** Index of the picture's first pixel in the activation's tile. */
  static int tileOrigin(Operator op) {
    return op instanceof Convolution c ? ConvolutionGeometry.tileOrigin(c) : 0;
  }

  /** Floats of the activation's tile. */
  static long tileFloats(Operator op) {
    return op instanceof Convolution c
        ? ConvolutionGeometry.tileFloats(c)
        : op.input().values() + (long) LANES;
  }

  /** Floats from one output pixel to the next. */
  static int outStride(Operator op) {
    return Lanes.roundUp(op.outputChannels());
  }

  /** Floats of the output. */
  static long outFloats(Operator op) {
    return (long) op.outputHeight() * op.outputWidth() * outStride(op);
  }

  /** Floats between the rows of the output's gradient. */
  static int dyExtra(Operator op) {
    return op instanceof Convolution c
        ? ConvolutionGeometry.dyRow(c) - c.outputWidth() * c.outChannels()
        : 0;
  }

  /** Index of the first pixel of the output's gradient in its tile. */
  static int dyOrigin(Operator op) {
    return op instanceof Convolution c ? ConvolutionGeometry.dyOrigin(c) : 0;
  }

  /** Floats of the output's gradient. */
  static long dyFloats(Operator op) {
    return op instanceof Convolution c
        ? ConvolutionGeometry.dyTileFloats(c)
        : (long) op.outputHeight() * op.outputWidth() * op.outputChannels() + LANES;
  }

  /** Floats from one pixel of the input's gradient to the next. */
  static int dataStride(Operator op) {
    return Lanes.roundUp(op.input().channels());
  }

  /** Floats of the input's gradient. */
  static long dataFloats(Operator op) {
    return (long) op.input().pixels() * dataStride(op);
  }

  /** Floats of the packed weights, the larger of both directions. */
  static int packedFloats(Stage stage, Algorithms algorithms) {
    return switch (stage.operator()) {
      case Convolution c ->
          Math.max(
              algorithms.forward(stage)
                  ? WinogradWeights.packedFloats(c)
                  : ConvolutionGeometry.packedForwardFloats(c),
              algorithms.backwardData(c)
                  ? WinogradWeights.packedFloats(c)
                  : ConvolutionGeometry.packedBackwardFloats(c));
      case DepthwiseConvolution d -> Depthwise.weightFloats(d);
      default -> 0;
    };
  }

  /** Floats of the accumulated gradient of the weights. */
  static int weightGradientFloats(Operator op, Algorithms algorithms) {
    return switch (op) {
      case Convolution c ->
          algorithms.backwardWeights(c)
              ? WinogradWeights.packedFloats(c)
              : ConvolutionGeometry.weightGradientFloats(c);
      case DepthwiseConvolution d -> Depthwise.weightFloats(d);
      default -> 0;
    };
  }

  /** Floats that the forward product works in, besides its tile and output. */
  static int forwardWorkFloats(Stage stage, Algorithms algorithms) {
    return stage.operator() instanceof Convolution c && algorithms.forward(stage)
        ? WinogradProduct.workFloats(
            c.outputHeight(), c.outputWidth(), c.input().channels(), c.outChannels())
        : 0;
  }

  /** Floats that the product for the input's gradient works in. */
  static int dataWorkFloats(Operator op, Algorithms algorithms) {
    return op instanceof Convolution c && algorithms.backwardData(c)
        ? WinogradProduct.workFloats(
            c.outputHeight(), c.outputWidth(), c.outChannels(), c.input().channels())
        : 0;
  }

  /** Floats that the product for the weights' gradient works in. */
  static int weightWorkFloats(Operator op, Algorithms algorithms) {
    return op instanceof Convolution c && algorithms.backwardWeights(c)
        ? WinogradBackwardWeights.workFloats(c)
        : 0;
  }

  /**
   * Whether pixels that share a byte of codes can lie in different rows of a tile, so that a
   * picture must be made in one long row first.
   */
  static boolean splitsGroups(FeatureMap map, int extra, int pixelsPerGroup) {
    return extra != 0 && map.width() % pixelsPerGroup != 0;
  }

  /** Pixels that are worked on at a time: a row, or as many as stay in the nearest cache. */
  static int run(FeatureMap map, int extra) {
    return extra != 0 ? map.width() : Math.max(16, 4096 / map.channels() & ~3);
  }
}
