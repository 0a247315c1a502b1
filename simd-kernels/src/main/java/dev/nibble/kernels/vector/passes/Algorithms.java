package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.tiles.TilePlan;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import dev.nibble.kernels.vector.winograd.WinogradWeights;

/**
 * Which of a convolution's three products are made by Winograd's algorithm: those that it can make
 * and whose estimated cycles are fewer than the direct product's. The choice depends on the shape
 * only, so it is the same in every run on vectors of that width.
 *
 * @param winograd false to make all products directly
 */
public record Algorithms(boolean winograd) {
  /** Cycles of the transforms of one tile and vector, measured on Zen 4 and its 512-bit vectors. */
  private static final float INPUT = 240;

  private static final float OUTPUT = 190;
  private static final float GRADIENT = 260;

  /** Bytes of packed weights that a core reads in a cycle once they fit its own cache no more. */
  private static final float STREAM = 9;

  /** The window that Winograd's algorithm has. */
  private static final Window WINDOW = Window.square(3, 1);

  private static final long CACHE = 1 << 20;

  /**
   * Whether the forward product is Winograd's. Not in the naive baseline: there a value's last
   * digit decides a code, the code enters the next product, and so on; its figures are to be the
   * definition's.
   */
  public boolean forward(Stage stage) {
    return stage.operator() instanceof Convolution conv
        && !stage.activation().naive()
        && fits(conv)
        && (isFaster(conv, conv.input().channels(), conv.outChannels(), 1) || gathers(stage));
  }

  /** Whether the product for the input's gradient is Winograd's. */
  public boolean backwardData(Stage stage) {
    return stage.operator() instanceof Convolution conv
        && fits(conv)
        && (isFaster(conv, conv.outChannels(), conv.input().channels(), 1) || gathers(stage));
  }

  /**
   * Whether both products are Winograd's over several pictures at a time, a portion of the weights
   * after the other.
   */
  public boolean gathers(Stage stage) {
    if (!Cut.isGathered(stage) || !(stage.operator() instanceof Convolution conv) || !fits(conv)) {
      return false;
    }
    int in = conv.input().channels();
    int out = conv.outChannels();
    int forward = pictures(conv, in, out);
    int backward = pictures(conv, out, in);
    return forward > 1
        && backward > 1
        && Bands.forwardRows(stage) >= conv.outputHeight()
        && Bands.dataRows(stage) >= conv.input().height()
        && isFaster(conv, in, out, forward)
        && isFaster(conv, out, in, backward);
  }

  /** Pictures that fit into the scratch that is given to gathering them. */
  static int pictures(Convolution conv, int inputs, int outputs) {
    return WinogradProduct.pictures(conv.outputHeight(), conv.outputWidth(), inputs, outputs);
  }

  /**
   * Whether the product for a part of the weights' gradient is Winograd's.
   *
   * @param ragged whether the caller pads a gradient that is no multiple of four wide or high with
   *     zeros: a tile moved back inside would count some pixels twice
   */
  public boolean backwardWeights(
      Operator operator, int inChannels, int outChannels, boolean ragged) {
    return operator instanceof Convolution conv
        && fits(conv)
        && inChannels % LANES == 0
        && outChannels % LANES == 0
        && (ragged
            || (conv.outputHeight() % WinogradProduct.TILE == 0
                && conv.outputWidth() % WinogradProduct.TILE == 0))
        && gradient(conv, inChannels, outChannels) < directGradient(conv, inChannels, outChannels);
  }

  private boolean fits(Convolution conv) {
    return winograd
        && conv.groups() == 1
        && conv.window().equals(WINDOW)
        && conv.input().channels() % LANES == 0
        && conv.outChannels() % LANES == 0
        && conv.outputHeight() >= WinogradProduct.TILE
        && conv.outputWidth() >= WinogradProduct.TILE;
  }

  private static int tiles(Convolution conv) {
    return WinogradProduct.tiles(conv.outputHeight()) * WinogradProduct.tiles(conv.outputWidth());
  }

  private static boolean isFaster(Convolution conv, int inputs, int outputs, int pictures) {
    return product(conv, inputs, outputs, pictures) < direct(conv, inputs, outputs);
  }

  /** Cycles a picture where so many are multiplied together. */
  private static float product(Convolution conv, int inputs, int outputs, int pictures) {
    int tiles = pictures * tiles(conv);
    float step = TilePlan.PANEL.cost(outputs / LANES, tiles);
    float sums = WinogradProduct.POINTS * inputs * step;
    float transforms = tiles * (INPUT * inputs + OUTPUT * outputs) / LANES;
    return (transforms + Math.max(sums, stream(WinogradWeights.packedFloats(conv)))) / pictures;
  }

  private static float direct(Convolution conv, int inputs, int outputs) {
    int width = conv.outputWidth();
    float step = TilePlan.PANEL.cost(outputs / LANES, width);
    float sums = 9f * inputs * conv.outputHeight() * step;
    return Math.max(sums, stream(conv.weights()));
  }

  private static float gradient(Convolution conv, int inputs, int outputs) {
    int tiles = tiles(conv);
    float step = TilePlan.PIXEL.cost(outputs / LANES, inputs);
    float sums = WinogradProduct.POINTS * tiles * step;
    return tiles * (INPUT * inputs + GRADIENT * outputs) / LANES + sums;
  }

  private static float directGradient(Convolution conv, int inputs, int outputs) {
    float step = TilePlan.PIXEL.cost((outputs + LANES - 1) / LANES, 3 * inputs);
    return 3f * conv.outputHeight() * conv.outputWidth() * step;
  }

  private static float stream(int floats) {
    return 4L * floats > CACHE ? 4L * floats / STREAM : 0;
  }
}
