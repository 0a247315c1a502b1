package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionForward;

/** The forward pass of 1 x 1 convolutions: runs of pixels, which may go on in the next picture. */
final class FlatForward {
  private FlatForward() {}

  /** Runs a part of a leaf. */
  static void run(
      ForwardArgs args,
      Convolution op,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    Activation activation = stage.activation();
    int step = Bands.flatStep(stage);
    int panels = ConvolutionForward.panels(op);
    boolean byPixels = Bands.byRows(map.pixels(), step, panels, parts);
    int first = byPixels ? Bands.bound(map.pixels(), step, part, parts) : 0;
    int end = byPixels ? Bands.bound(map.pixels(), step, part + 1, parts) : map.pixels();
    int firstVector = byPixels ? 0 : panel(op, panels, part, parts);
    int endVector = panel(op, panels, byPixels ? parts : part + 1, parts);
    // The copy is left once, by the part that has the first channels; the naive way reads it.
    boolean stores = firstVector == 0 || activation.naive();
    int capacity = Bands.forwardRun(stage);
    int tile = ScratchLayout.tile(stage);
    int out = ScratchLayout.output(stage);
    int channels = map.channels();
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
        Rows.load(args, picture, pixel, pixel + count, stores, scratch, tile + filled * channels);
        filled += count;
        pixel += count;
        if (pixel == end) {
          pixel = first;
          picture++;
        }
      }
      ConvolutionForward.run(
          op, 1, filled, firstVector, endVector, scratch, tile, packed, scratch, out);
      storeRun(
          args,
          region,
          startPicture,
          startPixel,
          first,
          end,
          filled,
          from,
          firstVector,
          endVector,
          scratch,
          out);
    }
  }

  /** Stores a run that begins with a pixel of a picture and may go on in the next ones. */
  private static void storeRun(
      ForwardArgs args,
      int region,
      int startPicture,
      int startPixel,
      int first,
      int end,
      int filled,
      int from,
      int firstVector,
      int endVector,
      float[] scratch,
      int out) {
    int stride = Lanes.roundUp(args.stage().output().channels());
    int picture = startPicture;
    int pixel = startPixel;
    for (int done = 0; done < filled; ) {
      int count = Math.min(end - pixel, filled - done);
      boolean begins = picture == from && pixel == first;
      ForwardOutput.store(
          args,
          region,
          picture,
          pixel,
          pixel + count,
          firstVector,
          endVector,
          begins,
          scratch,
          out + done * stride);
      done += count;
      pixel = first;
      picture++;
    }
  }

  private static int panel(Convolution op, int panels, int part, int parts) {
    return ConvolutionForward.firstVector(op, Bands.bound(panels, part, parts));
  }
}
