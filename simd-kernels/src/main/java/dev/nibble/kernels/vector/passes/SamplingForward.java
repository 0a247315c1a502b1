package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.AxisSampling.Taps;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;

/**
 * The forward pass of a sampling: as of a padding, a part first leaves the copy of its share of the
 * input, then loads again what its output rows are made of.
 */
final class SamplingForward {
  private SamplingForward() {}

  static void run(
      ForwardArgs args,
      Sampling op,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int height = op.outputHeight();
    int step = Bands.step(stage, map.width());
    int own = Bands.bound(map.height(), step, part, parts);
    int ownEnd = Bands.bound(map.height(), step, part + 1, parts);
    int outStep = Bands.forwardStep(stage);
    int first = Bands.bound(height, outStep, part, parts);
    int end = Bands.bound(height, outStep, part + 1, parts);
    int rows = Bands.forwardRows(stage);
    int channels = map.channels();
    int row = Bands.tileRow(op);
    int width = op.outputWidth();
    int outRow = width * Lanes.roundUp(channels);
    int vectors = Lanes.roundUp(channels) / Lanes.LANES;
    int tile = ScratchLayout.tile(stage);
    int out = ScratchLayout.output(stage);
    int longRow = ScratchLayout.forwardRow(stage);
    boolean stores = stage.activation().store().bits() > 0;
    Taps taps = op.rows().forward();
    for (int picture = from; picture < to; picture++) {
      for (int y = own; stores && y < ownEnd; y += step) {
        int until = Math.min(ownEnd, y + step);
        Rows.load(args, picture, y, until, 0, channels, true, scratch, tile, row, longRow);
      }
      for (int band = first; band < end; band = Bands.end(band, rows, end)) {
        int next = Bands.end(band, rows, end);
        int top = taps.first(band);
        if (stage.activation().naive()) {
          // Values are read from codes, which begin with a byte; the tile has all rows then.
          top -= top % Bands.codeRows(stage);
        }
        int bottom = taps.end(next);
        Rows.load(args, picture, top, bottom, 0, channels, false, scratch, tile, row, longRow);
        Samples.forward(
            op, band, next, 0, channels, scratch, tile - top * row, out - band * outRow);
        boolean begins = picture == from && band == first;
        ForwardOutput.store(
            args, region, picture, band * width, next * width, 0, vectors, begins, scratch, out);
      }
    }
  }
}
