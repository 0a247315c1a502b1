package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardData;
import java.util.List;

/**
 * The backward pass to the input of 1 x 1 convolutions: runs of pixels, which may go on in the next
 * picture.
 */
final class FlatData {
  private FlatData() {}

  /** Runs a part of a leaf. */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
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
    boolean byPixels = Bands.byRows(map.pixels(), step, panels, parts);
    int first = byPixels ? Bands.bound(map.pixels(), step, part, parts) : 0;
    int end = byPixels ? Bands.bound(map.pixels(), step, part + 1, parts) : map.pixels();
    int firstVector = byPixels ? 0 : panel(op, panels, part, parts);
    int endVector = panel(op, panels, byPixels ? parts : part + 1, parts);
    int capacity = Bands.dataRun(stage);
    int table = ScratchLayout.termTable(stage);
    int dy = ScratchLayout.gradient(stage);
    int data = ScratchLayout.data(stage);
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
        filled += count;
        pixel += count;
        if (pixel == end) {
          pixel = first;
          picture++;
        }
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
}
