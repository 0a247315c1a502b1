package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.ActivationRestorer;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardWeights;
import java.util.List;

/**
 * The backward pass to the weights of 1 x 1 convolutions: runs of pixels, which may go on in the
 * next picture.
 */
final class FlatWeights {
  private FlatWeights() {}

  /** Adds a block's gradient over some pictures to its sums. */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      int from,
      int to,
      int fromIn,
      int in,
      int fromOut,
      int out,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int table = WeightLayout.termTable(stage);
    int dy = WeightLayout.gradient(stage);
    int tile = WeightLayout.tile(stage, in, out, false);
    int sums = WeightLayout.sums(stage, in, out, false);
    int capacity = WeightLayout.run(in, out);
    int pixels = map.pixels();
    int picture = from;
    int pixel = 0;
    while (picture < to) {
      int filled = 0;
      while (picture < to) {
        int count = Math.min(pixels - pixel, (capacity - filled) / Bands.PIXELS * Bands.PIXELS);
        if (pixels - pixel <= capacity - filled) {
          count = pixels - pixel;
        }
        if (count == 0) {
          break;
        }
        GradientLoader.load(
            terms,
            stage.output(),
            picture,
            pixel,
            pixel + count,
            fromOut,
            fromOut + out,
            scratch,
            table,
            dy + filled * out - fromOut,
            out);
        ActivationRestorer.restore(
            stage.activation(),
            map,
            picture,
            pixel,
            pixel + count,
            fromIn,
            fromIn + in,
            args.x(),
            args.store(),
            scratch,
            0,
            tile + filled * in - fromIn,
            in);
        filled += count;
        pixel += count;
        if (pixel == pixels) {
          pixel = 0;
          picture++;
        }
      }
      ConvolutionBackwardWeights.accumulate(
          op, 1, filled, in, out, scratch, tile, 0, scratch, dy, 0, scratch, sums);
      if (stage.hasBias() && (fromIn == 0 || op.groups() > 1)) {
        BiasGradient.add(1, filled, out, scratch, dy, 0, WeightLayout.bias(stage));
      }
    }
  }
}
