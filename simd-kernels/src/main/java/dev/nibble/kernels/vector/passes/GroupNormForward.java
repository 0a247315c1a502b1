package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.normalization.GroupLoops;
import dev.nibble.kernels.vector.normalization.MomentRows;
import dev.nibble.kernels.vector.normalization.PixelLoops;

/**
 * The forward pass of layer, group and instance norm, by runs of pixels. A part of a layer norm has
 * some of the pixels; groups' moments are those of a whole picture, which the first part makes,
 * reading it twice if it does not stay in the cache.
 */
final class GroupNormForward {
  private GroupNormForward() {}

  static void run(
      ForwardArgs args,
      GroupNorm op,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int pixels = map.pixels();
    int channels = map.channels();
    int step = Bands.flatStep(stage);
    int first = op.byPixel() ? Bands.bound(pixels, step, part, parts) : 0;
    int end = part == 0 ? pixels : 0;
    if (op.byPixel()) {
      end = Bands.bound(pixels, step, part + 1, parts);
    }
    int run = Bands.forwardRun(stage);
    int rows = ScratchLayout.forwardWork(stage);
    int tile = ScratchLayout.tile(stage);
    int out = ScratchLayout.output(stage);
    int vectors = Lanes.roundUp(channels) / Lanes.LANES;
    MomentRows.start(op, args.weights(), scratch, rows);
    for (int picture = from; picture < to && first < end; picture++) {
      long saved = picture * op.savedBytes();
      if (!op.byPixel() && run < pixels) {
        moments(args, op, picture, run, rows, tile, scratch);
      }
      for (int pixel = first; pixel < end; pixel += run) {
        int next = Math.min(end, pixel + run);
        int count = next - pixel;
        Rows.load(args, picture, pixel, next, true, scratch, tile);
        if (op.byPixel()) {
          long at = saved + 8L * pixel;
          PixelLoops.forward(
              channels, count, op.epsilon(), scratch, tile, rows, out, args.saved(), at);
        } else {
          if (run >= pixels) {
            GroupLoops.begin(channels, scratch, tile, rows);
            GroupLoops.add(channels, count, scratch, tile, rows);
            GroupLoops.finish(op, scratch, rows, args.saved(), saved);
          }
          GroupLoops.forward(channels, count, scratch, tile, rows, out);
        }
        boolean begins = picture == from && pixel == first;
        ForwardOutput.store(args, region, picture, pixel, next, 0, vectors, begins, scratch, out);
      }
    }
  }

  /** Makes the moments of a picture's groups before its values are read for the second time. */
  private static void moments(
      ForwardArgs args, GroupNorm op, int picture, int run, int rows, int tile, float[] scratch) {
    int pixels = op.input().pixels();
    int channels = op.input().channels();
    // The naive way reads what the codes restore, so they are written first.
    boolean stores = args.stage().activation().naive();
    for (int pixel = 0; pixel < pixels; pixel += run) {
      int next = Math.min(pixels, pixel + run);
      Rows.load(args, picture, pixel, next, stores, scratch, tile);
      if (pixel == 0) {
        GroupLoops.begin(channels, scratch, tile, rows);
      }
      GroupLoops.add(channels, next - pixel, scratch, tile, rows);
    }
    GroupLoops.finish(op, scratch, rows, args.saved(), picture * op.savedBytes());
  }
}
