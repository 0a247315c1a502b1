package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The gradient of the second tensor of a product. */
final class FactorPass {
  private FactorPass() {}

  /** The gradient of a second tensor: of some of its channels, picture by picture. */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      Operator.Multiply op,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    int channels = op.input().channels();
    int height = op.input().height();
    int vectors = Lanes.roundUp(channels) / LANES;
    int fromChannel = Bands.bound(vectors, part, parts) * LANES;
    int toChannel = Math.min(channels, Bands.bound(vectors, part + 1, parts) * LANES);
    if (fromChannel >= toChannel) {
      return;
    }
    int rows = WeightLayout.rows(stage, channels, channels);
    int row = op.input().width() * channels;
    int dy = WeightLayout.gradient(stage);
    int tile = WeightLayout.tile(stage, channels, channels, false);
    int longRow = WeightLayout.longRow(stage, channels, channels, false);
    int sums = WeightLayout.sums(stage, channels, channels, false);
    int table = WeightLayout.termTable(stage);
    for (int picture = from; picture < to; picture++) {
      Arrays.fill(scratch, sums, sums + Lanes.roundUp(channels), 0f);
      for (int band = 0; band < height; band = Bands.end(band, rows, height)) {
        int next = Bands.end(band, rows, height);
        Rows.gradient(
            terms,
            stage.output(),
            picture,
            band,
            next,
            fromChannel,
            toChannel,
            scratch,
            table,
            dy,
            channels,
            row,
            longRow);
        Rows.restore(
            args,
            picture,
            band,
            next,
            fromChannel,
            toChannel,
            scratch,
            tile,
            channels,
            row,
            longRow);
        add(args, op, picture, band, next, fromChannel, toChannel, scratch, tile, dy, sums);
      }
      flush(args, op, picture, fromChannel, toChannel, scratch, sums);
    }
  }

  /**
   * Adds rows {@code [first, end)} to the gradient of a second tensor of one pixel, or writes those
   * of one of the input's shape.
   *
   * @param act index of the activation's first pixel of these rows, C floats a pixel
   * @param dy index of the gradient's
   */
  static void add(
      BackwardArgs args,
      Operator.Multiply op,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int dy,
      int sums) {
    if (op.isByChannel()) {
      Products.addFactorGradient(op, end - first, fromChannel, toChannel, scratch, act, dy, sums);
      return;
    }
    int width = op.input().width();
    MemorySegment target = Objects.requireNonNull(args.factorGradient());
    Products.factorGradient(
        op, picture, first * width, end * width, fromChannel, toChannel, scratch, act, dy, target);
  }

  /** Writes a picture's gradient of a second tensor of one pixel. */
  static void flush(
      BackwardArgs args,
      Operator.Multiply op,
      int picture,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int sums) {
    if (op.isByChannel()) {
      long at = 4L * ((long) picture * op.input().channels() + fromChannel);
      MemorySegment target = Objects.requireNonNull(args.factorGradient());
      int count = toChannel - fromChannel;
      MemorySegment.copy(scratch, sums + fromChannel, target, JAVA_FLOAT, at, count);
    }
  }
}
