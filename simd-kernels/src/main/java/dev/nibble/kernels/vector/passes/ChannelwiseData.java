package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * The backward pass to the input of stages that multiply no matrices: pooling, resampling,
 * products, moves.
 */
final class ChannelwiseData {
  private ChannelwiseData() {}

  /** Pooling, depthwise convolution, and the shortcut as a stage of its own. */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    Operator op = stage.operator();
    FeatureMap map = stage.input();
    FeatureMap out = stage.output();
    int height = map.height();
    int channels = map.channels();
    int step = Bands.step(stage, map.width());
    boolean moves = Bands.movesChannels(op);
    int vectors = Lanes.roundUp(channels) / Lanes.LANES;
    boolean byRows = moves || Bands.byRows(height, step, vectors, parts);
    int first = byRows ? Bands.bound(height, step, part, parts) : 0;
    int end = byRows ? Bands.bound(height, step, part + 1, parts) : height;
    int firstVector = byRows ? 0 : Bands.bound(vectors, part, parts);
    int endVector = byRows ? vectors : Bands.bound(vectors, part + 1, parts);
    int fromChannel = firstVector * Lanes.LANES;
    int toChannel = Math.min(channels, endVector * Lanes.LANES);
    if (fromChannel >= toChannel) {
      return;
    }
    int rows = Bands.dataRows(stage);
    int dyRow = Bands.gradientRow(op);
    int dataRow = map.width() * Lanes.roundUp(channels);
    int data = ScratchLayout.data(stage);
    // What passes unchanged is loaded to where its gradient is finished.
    boolean passes = Resampler.passes(op);
    int dy = passes ? data : ScratchLayout.gradient(stage);
    for (int picture = from; picture < to; picture++) {
      for (int band = first; band < end; band = Bands.end(band, rows, end)) {
        int next = Bands.end(band, rows, end);
        int top = Bands.firstOutput(op, band);
        int bottom = Bands.endOutput(op, next);
        if (top < bottom) {
          Rows.gradient(
              terms,
              out,
              picture,
              top,
              bottom,
              moves ? 0 : fromChannel,
              moves ? out.channels() : toChannel,
              scratch,
              ScratchLayout.termTable(stage),
              dy,
              out.channels(),
              dyRow,
              ScratchLayout.dataRow(stage));
        }
        if (!passes) {
          operate(
              args,
              picture,
              band,
              next,
              fromChannel,
              toChannel,
              scratch,
              dy - top * dyRow,
              data - band * dataRow);
        }
        DataPass.finish(
            args,
            region,
            picture,
            band * map.width(),
            next * map.width(),
            firstVector,
            endVector,
            scratch,
            data);
      }
    }
  }

  /**
   * Input rows {@code [first, end)} of the gradient of an operator that is no convolution.
   *
   * @param dy index of row 0 of the output's gradient, C_out floats a pixel
   * @param data index of row 0 of the input's gradient, whole vectors a pixel
   */
  static void operate(
      BackwardArgs args,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int dy,
      int data) {
    Stage stage = args.stage();
    int width = stage.input().width();
    int channels = stage.input().channels();
    int from = dy + first * width * channels;
    int to = data + first * width * Lanes.roundUp(channels);
    switch (stage.operator()) {
      case Operator.MaxPooling op ->
          Pooling.maxBackward(
              op, picture, first, end, fromChannel, toChannel, args.saved(), scratch, dy, data);
      case Operator.GlobalAveragePooling op -> {
        Averages.backward(op, (end - first) * width, fromChannel, toChannel, scratch, dy, to);
      }
      case Operator.AveragePooling op ->
          Averages.backward(op, first, end, fromChannel, toChannel, scratch, dy, data);
      case Resample op -> Resampler.backward(op, first, end, scratch, dy, data);
      case Operator.Multiply op -> {
        MemorySegment factor = Objects.requireNonNull(args.factor());
        Products.multiply(
            op,
            picture,
            first * width,
            end * width,
            fromChannel,
            toChannel,
            factor,
            scratch,
            from,
            to);
      }
      case Operator.Dropout op -> {
        MemorySegment draws = Objects.requireNonNull(args.draws());
        Products.drop(
            op,
            picture,
            first * width,
            end * width,
            fromChannel,
            toChannel,
            draws,
            scratch,
            from,
            to);
      }
      case Operator.ChannelShuffle op ->
          Moves.shuffleBackward(op, (end - first) * width, scratch, from, to);
      case Sampling op ->
          Samples.backward(op, first, end, fromChannel, toChannel, scratch, dy, data);
      case Operator.Padding op -> Moves.padBackward(op, first, end, scratch, dy, data);
      default -> throw new IllegalStateException(stage.operator() + " has a pass of its own");
    }
  }
}
