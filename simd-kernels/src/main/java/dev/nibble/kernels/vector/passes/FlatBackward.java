package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.ActivationRestorer;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardData;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardWeights;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The backward pass of 1 x 1 convolutions, to their input alone or fused with that to their
 * weights: runs of pixels, which may go on in the next picture. Fused, the output's gradient is
 * read once.
 */
final class FlatBackward {
  private FlatBackward() {}

  /**
   * Runs a part of a leaf.
   *
   * @param fused whether a run also adds to the weights' gradient; a part is then always some of a
   *     picture's pixels, else it may be some of the channels
   * @param through whether the input's gradient is wanted
   */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      boolean fused,
      boolean through,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    int step = Bands.PIXELS;
    int panels = ConvolutionBackwardData.panels(op);
    boolean byPixels = fused || Bands.byRows(map.pixels(), step, panels, parts);
    int first = byPixels ? Bands.bound(map.pixels(), step, part, parts) : 0;
    int end = byPixels ? Bands.bound(map.pixels(), step, part + 1, parts) : map.pixels();
    int firstVector = byPixels ? 0 : panel(op, panels, part, parts);
    int endVector = panel(op, panels, byPixels ? parts : part + 1, parts);
    boolean weighs = fused && stage.needsInputValues();
    int capacity = fused ? FusedLayout.run(stage) : Bands.dataRun(stage);
    int table = ScratchLayout.termTable(stage);
    int dy = fused ? FusedLayout.gradient(stage) : ScratchLayout.gradient(stage);
    int data = fused ? FusedLayout.data(stage) : ScratchLayout.data(stage);
    int channels = map.channels();
    int stride = Lanes.roundUp(op.input().channels());
    int picture = from;
    int pixel = first;
    while (picture < to && first < end && firstVector < endVector) {
      int startPicture = picture;
      int startPixel = pixel;
      int filled = 0;
      while (picture < to) {
        int count = Math.min(end - pixel, (capacity - filled) / step * step);
        if (end - pixel <= capacity - filled) {
          count = end - pixel;
        }
        if (count == 0) {
          break;
        }
        GradientLoader.load(
            terms,
            map,
            picture,
            pixel,
            pixel + count,
            0,
            channels,
            scratch,
            table,
            dy + filled * channels,
            channels);
        if (fused) {
          leaveSum(args, picture, pixel, count, scratch, dy + filled * channels);
        }
        if (weighs) {
          restore(args, picture, pixel, count, filled, scratch);
        }
        filled += count;
        pixel += count;
        if (pixel == end) {
          pixel = first;
          picture++;
        }
      }
      if (weighs) {
        addWeights(stage, op, filled, scratch, dy);
      }
      if (!through) {
        continue;
      }
      ConvolutionBackwardData.flat(
          op, filled, firstVector, endVector, scratch, dy, packed, scratch, data);
      int donePicture = startPicture;
      int donePixel = startPixel;
      for (int done = 0; done < filled; ) {
        int count = Math.min(end - donePixel, filled - done);
        DataPass.finish(
            args,
            region,
            donePicture,
            donePixel,
            donePixel + count,
            firstVector,
            endVector,
            scratch,
            data + done * stride);
        done += count;
        donePixel = first;
        donePicture++;
      }
    }
  }

  private static int panel(Convolution op, int panels, int part, int parts) {
    return ConvolutionBackwardData.firstVector(op, Bands.bound(panels, part, parts));
  }

  /** Leaves the sum of the output's terms where it is asked for. */
  private static void leaveSum(
      BackwardArgs args, int picture, int pixel, int count, float[] scratch, int dy) {
    MemorySegment target = args.gradientOut();
    if (target != null && !GradientLoader.isInPlace(args, target)) {
      FeatureMap map = args.stage().output();
      long to = picture * map.bytes() + 4L * pixel * map.channels();
      int length = count * map.channels();
      Segments.copyOut(scratch, dy, length, target, to, length, length, 1);
    }
  }

  private static void restore(
      BackwardArgs args, int picture, int pixel, int count, int filled, float[] scratch) {
    Stage stage = args.stage();
    int channels = stage.input().channels();
    ActivationRestorer.restore(
        stage.activation(),
        stage.input(),
        picture,
        pixel,
        pixel + count,
        0,
        channels,
        args.x(),
        args.store(),
        scratch,
        0,
        FusedLayout.tile(stage) + filled * channels,
        channels);
  }

  private static void addWeights(Stage stage, Convolution op, int pixels, float[] scratch, int dy) {
    int tile = FusedLayout.tile(stage);
    int sums = FusedLayout.weights(stage);
    int in = op.input().channels();
    int out = op.outChannels();
    ConvolutionBackwardWeights.accumulate(
        op, 1, pixels, in, out, scratch, tile, 0, scratch, dy, 0, scratch, sums);
    if (stage.hasBias()) {
      BiasGradient.add(1, pixels, out, scratch, dy, 0, FusedLayout.bias(stage));
    }
  }
}
