package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Cut;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardData;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardWeights;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.winograd.WinogradBackwardWeights;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import dev.nibble.kernels.vector.winograd.WinogradWeights;

/**
 * How a thread's scratch is divided where whole pictures, or runs of pixels, take both products of
 * the backward pass, in floats; regions lie in the order of the methods: {@link ScratchLayout}'s
 * tables and sums, bias, output's gradient, tile, input's gradient, long row, weights' gradient,
 * Winograd's points of the data, of the weights.
 */
public final class FusedLayout {
  private FusedLayout() {}

  static int bias(Stage stage) {
    return ScratchLayout.gradient(stage);
  }

  /**
   * Pixels of a run where pixels map one to one: a small picture, or so many that weights and sums
   * have the rest of the cache.
   */
  static int run(Stage stage) {
    if (Cut.isWhole(stage)) {
      return stage.input().pixels();
    }
    int floats = 2 * stage.input().channels() + stage.output().channels();
    int fit = (48 << 10) / floats / Bands.PIXELS * Bands.PIXELS;
    return Math.clamp(fit, 3 * Bands.PIXELS, 1024);
  }

  private static boolean isFlat(Operator op) {
    return op instanceof Convolution c && ConvolutionGeometry.isFlat(c);
  }

  /** The first row of the output's gradient in its tile; negative where zeros lie above it. */
  static int top(Operator op) {
    return op instanceof Convolution c && !isFlat(op)
        ? ConvolutionBackwardData.firstGradientRow(c, 0)
        : 0;
  }

  /** Index of the tile of the output's gradient. */
  static int gradient(Stage stage) {
    return bias(stage) + Lanes.roundUp(stage.output().channels());
  }

  /** Index of the first pixel of the output's gradient. */
  static int gradientPixel(Stage stage) {
    Operator op = stage.operator();
    int before = op instanceof Convolution c ? ConvolutionGeometry.dyBefore(c) : 0;
    return gradient(stage)
        - Math.min(0, top(op)) * Bands.gradientRow(op)
        + before * op.outputChannels();
  }

  /** Rows of the tile of the output's gradient, counted from its first or the gradient's. */
  private static long gradientRows(Operator op) {
    long rows = op.outputHeight();
    if (op instanceof Convolution c) {
      rows = Math.max(rows, ConvolutionBackwardData.endGradientRow(c, c.input().height()));
    }
    return rows - Math.min(0, top(op));
  }

  private static long tileAt(Stage stage) {
    Operator op = stage.operator();
    long floats =
        isFlat(op)
            ? (long) run(stage) * op.outputChannels()
            : gradientRows(op) * Bands.gradientRow(op);
    return gradient(stage) + floats + Lanes.LANES;
  }

  static int tile(Stage stage) {
    return (int) tileAt(stage);
  }

  /** Index of the activation's first pixel. */
  static int tilePixel(Stage stage) {
    Operator op = stage.operator();
    if (!(op instanceof Convolution c)) {
      return tile(stage);
    }
    return tile(stage)
        + c.window().padTop() * Bands.tileRow(op)
        + c.window().padLeft() * op.input().channels();
  }

  private static long dataAt(Stage stage) {
    Operator op = stage.operator();
    if (!stage.needsInputValues()) {
      return tileAt(stage);
    }
    if (isFlat(op)) {
      return tileAt(stage) + (long) run(stage) * stage.input().channels() + Lanes.LANES;
    }
    long rows = stage.input().height();
    if (op instanceof Convolution c) {
      rows += (long) c.window().padTop() + c.window().padBottom();
    }
    return tileAt(stage) + rows * Bands.tileRow(op) + Lanes.LANES;
  }

  static int data(Stage stage) {
    return (int) dataAt(stage);
  }

  private static long longRowAt(Stage stage) {
    long pixels = isFlat(stage.operator()) ? run(stage) : stage.input().pixels();
    return dataAt(stage) + pixels * Lanes.roundUp(stage.input().channels());
  }

  static int longRow(Stage stage) {
    return (int) longRowAt(stage);
  }

  private static long weightsAt(Stage stage) {
    Operator op = stage.operator();
    if (isFlat(op)) {
      return longRowAt(stage);
    }
    long in = Rows.longRow(op.input().height(), op.input().width(), op.input().channels());
    long out = Rows.longRow(op.outputHeight(), op.outputWidth(), op.outputChannels());
    return longRowAt(stage) + Math.max(in, out);
  }

  static int weights(Stage stage) {
    return (int) weightsAt(stage);
  }

  /** Whether the weights' gradient is made by Winograd's algorithm. */
  static boolean isWinograd(Operator op, Algorithms algorithms) {
    return algorithms.backwardWeights(op, op.input().channels(), op.outputChannels(), false);
  }

  /** Floats of the weights' gradient. */
  static long weightFloats(Operator op, Algorithms algorithms) {
    return switch (op) {
      case Convolution c ->
          isWinograd(op, algorithms)
              ? WinogradWeights.packedFloats(c)
              : directFloats(c, c.input().channels(), c.outChannels());
      case Operator.Multiply m -> Lanes.roundUp(m.input().channels());
      default -> 0;
    };
  }

  /** Floats of the gradient of a part of the weights that is not made by Winograd's algorithm. */
  static long directFloats(Convolution conv, int in, int out) {
    return conv.isDepthwise()
        ? Depthwise.gradientFloats(conv, in)
        : ConvolutionBackwardWeights.floats(conv, in, out);
  }

  private static long dataWorkAt(Stage stage, Algorithms algorithms) {
    return weightsAt(stage) + weightFloats(stage.operator(), algorithms);
  }

  static int dataWork(Stage stage, Algorithms algorithms) {
    return (int) dataWorkAt(stage, algorithms);
  }

  private static long weightWorkAt(Stage stage, Algorithms algorithms) {
    Operator op = stage.operator();
    long floats =
        op instanceof Convolution c && algorithms.backwardData(stage)
            ? WinogradProduct.workFloats(
                c.outputHeight(), c.outputWidth(), c.outChannels(), c.input().channels())
            : 0;
    return dataWorkAt(stage, algorithms) + floats;
  }

  static int weightWork(Stage stage, Algorithms algorithms) {
    return (int) weightWorkAt(stage, algorithms);
  }

  /** Tiles that Winograd's work for the weights has room for. */
  static int capacity(Stage stage) {
    return WeightLayout.capacity(stage);
  }

  /** Floats of all regions. */
  public static long end(Stage stage, Algorithms algorithms) {
    if (stage.operator() instanceof GroupNorm) {
      return GroupNormBackward.end(stage);
    }
    Operator op = stage.operator();
    long floats =
        isWinograd(op, algorithms)
            ? WinogradBackwardWeights.workFloats(
                capacity(stage), op.input().channels(), op.outputChannels())
            : 0;
    return weightWorkAt(stage, algorithms) + floats;
  }
}
