package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardWeights;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.winograd.WinogradBackwardWeights;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import java.util.Arrays;
import java.util.List;

/**
 * The backward pass to the weights of convolutions with a window: bands of rows, by Winograd's way
 * or not.
 */
final class WindowWeights {
  private WindowWeights() {}

  /** Adds a block's gradient over some pictures to its sums. */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      boolean winograd,
      int from,
      int to,
      int fromIn,
      int in,
      int fromOut,
      int out,
      float[] scratch) {
    Stage stage = args.stage();
    int height = op.outputHeight();
    int rows = WeightLayout.rows(stage, in, out);
    int tileRow = WeightLayout.tileRow(stage, in, winograd);
    int dyRow = WeightLayout.gradientRow(stage, out, winograd);
    int dy = WeightLayout.gradient(stage);
    int tile = WeightLayout.tile(stage, in, out, winograd);
    int longRow = WeightLayout.longRow(stage, in, out, winograd);
    int sums = WeightLayout.sums(stage, in, out, winograd);
    int work = WeightLayout.work(stage, in, out, winograd);
    int capacity = WeightLayout.capacity(stage);
    int columns = WinogradProduct.tiles(op.outputWidth());
    int gathered = 0;
    Arrays.fill(scratch, dy, longRow, 0f);
    for (int picture = from; picture < to; picture++) {
      for (int band = 0; band < height; band = Bands.end(band, rows, height)) {
        int next = Bands.end(band, rows, height);
        int made = next - band;
        if (winograd) {
          made = WinogradProduct.tiles(made) * WinogradProduct.TILE;
        }
        Rows.gradient(
            terms,
            stage.output(),
            picture,
            band,
            next,
            fromOut,
            fromOut + out,
            scratch,
            WeightLayout.termTable(stage),
            dy - fromOut,
            out,
            dyRow,
            longRow);
        Arrays.fill(scratch, dy + (next - band) * dyRow, dy + made * dyRow, 0f);
        restore(args, op, picture, band, made, fromIn, in, tileRow, tile, longRow, scratch);
        if (stage.hasBias() && (fromIn == 0 || op.groups() > 1)) {
          BiasGradient.add(
              next - band, op.outputWidth(), out, scratch, dy, dyRow, WeightLayout.bias(stage));
        }
        if (op.isDepthwise()) {
          Depthwise.backwardWeights(op, made, in, scratch, tile, tileRow, dy, dyRow, sums);
          continue;
        }
        if (!winograd) {
          ConvolutionBackwardWeights.accumulate(
              op,
              made,
              op.outputWidth(),
              in,
              out,
              scratch,
              tile,
              tileRow,
              scratch,
              dy,
              dyRow,
              scratch,
              sums);
          continue;
        }
        for (int row = 0; row < made; row += WinogradProduct.TILE) {
          if (gathered + columns > capacity) {
            WinogradBackwardWeights.multiply(in, out, gathered, capacity, scratch, work, sums);
            gathered = 0;
          }
          WinogradBackwardWeights.gather(
              in,
              out,
              gathered,
              capacity,
              columns,
              scratch,
              tile + row * tileRow,
              tileRow,
              dy + row * dyRow,
              dyRow,
              work);
          gathered += columns;
        }
      }
    }
    if (gathered > 0) {
      WinogradBackwardWeights.multiply(in, out, gathered, capacity, scratch, work, sums);
    }
  }

  /** Fills the tile with what {@code made} output rows from {@code band} on meet. */
  private static void restore(
      BackwardArgs args,
      Convolution op,
      int picture,
      int band,
      int made,
      int fromIn,
      int in,
      int tileRow,
      int tile,
      int longRow,
      float[] scratch) {
    int height = op.input().height();
    int top = band * op.window().strideHeight() - op.window().padTop();
    int bottom = top + WeightLayout.window(op, made);
    int first = Math.max(Math.min(0, bottom), top);
    int end = Math.max(first, Math.min(height, bottom));
    Arrays.fill(scratch, tile, tile + (first - top) * tileRow, 0f);
    if (first < end) {
      int at = tile + (first - top) * tileRow + op.window().padLeft() * in - fromIn;
      Rows.restore(
          args, picture, first, end, fromIn, fromIn + in, scratch, at, in, tileRow, longRow);
    }
    Arrays.fill(scratch, tile + (end - top) * tileRow, tile + (bottom - top) * tileRow, 0f);
  }
}
