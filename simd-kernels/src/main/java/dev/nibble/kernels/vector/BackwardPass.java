package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A stage's backward pass: load the gradient, restore the activation, weights' gradient, operator,
 * mask, one picture after the other.
 */
final class BackwardPass {
  private BackwardPass() {}

  /** Runs a shard whose arguments are checked. */
  static void run(
      BackwardArgs args,
      Algorithms algorithms,
      int shard,
      int from,
      int to,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    Operator op = stage.operator();
    int dy = ScratchLayout.gradient(stage);
    int tile = ScratchLayout.backwardTile(stage);
    boolean through = args.dx() != null || stage.activation().normalize();
    boolean winograd = algorithms.backwardData(op);
    int work = ScratchLayout.dataWork(stage, algorithms);
    start(args, shard, scratch);
    ParameterGradients.start(stage, algorithms, scratch);
    for (int picture = from; picture < to; picture++) {
      loadGradient(args, picture, scratch);
      if (stage.needsInputValues()) {
        restore(args, picture, scratch);
        ParameterGradients.addWeights(
            stage, algorithms, picture - from, picture + 1 == to, scratch, tile, dy);
      }
      if (through) {
        if (winograd && op instanceof Operator.Convolution conv) {
          WinogradProduct.backward(conv, scratch, dy, packed, work, ScratchLayout.data(stage));
        } else {
          operate(args, picture, packed, scratch, dy);
        }
        finish(args, shard, picture, scratch);
      }
    }
    ParameterGradients.finish(args, algorithms, shard, scratch);
  }

  /** What a shard's pictures share: tables, sums, and the zeros around the tiles. */
  static void start(BackwardArgs args, int shard, float[] scratch) {
    Stage stage = args.stage();
    Operator op = stage.operator();
    TableRows.load(stage.activation(), args.table(), stage.input().channels(), scratch, 0);
    GradientLoader.start(args.outputTerms(), scratch, ScratchLayout.termTable(stage));
    Arrays.fill(scratch, ScratchLayout.sums(stage), ScratchLayout.gradient(stage), 0f);
    if (op instanceof Operator.Convolution c && !ConvolutionGeometry.isFlat(c)) {
      Arrays.fill(scratch, ScratchLayout.gradient(stage), ScratchLayout.data(stage), 0f);
    }
    long sums = shard * Partials.gradientBytes(stage) + Partials.gradientSums(stage);
    for (int c = 0; c < 2 * stage.input().channels(); c++) {
      args.gradients().set(JAVA_DOUBLE, sums + 8L * c, 0);
    }
  }

  /** Sums the output's terms into the gradient's tile, and their sum into the bias's gradient. */
  static void loadGradient(BackwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    int tile = ScratchLayout.gradient(stage) + OperatorGeometry.dyOrigin(stage.operator());
    FeatureMap map = stage.output();
    int extra = OperatorGeometry.dyExtra(stage.operator());
    int table = ScratchLayout.termTable(stage);
    int group = GradientLoader.pixelsPerGroup(args.outputTerms());
    if (OperatorGeometry.splitsGroups(map, extra, group)) {
      int row = ScratchLayout.backwardRow(stage);
      GradientLoader.load(args, picture, scratch, table, row, 0);
      ForwardPass.spread(map, scratch, row, tile, extra);
    } else {
      GradientLoader.load(args, picture, scratch, table, tile, extra);
    }
    MemorySegment gradientOut = args.gradientOut();
    if (gradientOut != null && !GradientLoader.isInPlace(args, gradientOut)) {
      int row = map.width() * map.channels();
      Segments.copyOut(
          scratch, tile, row, row + extra, map.height(), gradientOut, picture * map.bytes());
    }
    if (stage.hasBias()) {
      ParameterGradients.addBias(map, scratch, tile, extra, ScratchLayout.bias(stage));
    }
  }

  /** Fills the activation's tile from its stored copy. */
  static void restore(BackwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    int tile = ScratchLayout.backwardTile(stage) + OperatorGeometry.tileOrigin(stage.operator());
    Activation activation = stage.activation();
    FeatureMap map = stage.input();
    int extra = OperatorGeometry.tileExtra(stage.operator());
    int group = activation.store().pixelsPerGroup();
    boolean split = OperatorGeometry.splitsGroups(map, extra, group);
    int at = split ? ScratchLayout.backwardRow(stage) : tile;
    ActivationRestorer.restore(
        activation, map, picture, args.x(), args.store(), scratch, 0, at, split ? 0 : extra);
    if (split) {
      ForwardPass.spread(map, scratch, at, tile, extra);
    }
  }

  private static void operate(
      BackwardArgs args, int picture, float[] packed, float[] scratch, int dy) {
    int data = ScratchLayout.data(args.stage());
    switch (args.stage().operator()) {
      case Operator.Convolution op ->
          ConvolutionBackwardData.run(op, scratch, dy, packed, scratch, data);
      case Operator.DepthwiseConvolution op ->
          Depthwise.backwardData(op, packed, scratch, dy, data);
      case Operator.MaxPooling op ->
          Pooling.maxBackward(op, picture, args.argmax(), scratch, dy, data);
      case Operator.GlobalAveragePooling op -> Pooling.averageBackward(op, scratch, dy, data);
      case Operator.Resample op -> Resampler.backward(op, scratch, dy, data);
    }
  }

  /** Adds the activation's terms, masks, writes d and flushes its sums. */
  static void finish(BackwardArgs args, int shard, int picture, float[] scratch) {
    Stage stage = args.stage();
    long region = shard * Partials.gradientBytes(stage);
    FeatureMap map = stage.input();
    int channels = map.channels();
    int data = ScratchLayout.data(stage);
    int sums = ScratchLayout.sums(stage);
    int stride = Lanes.roundUp(channels);
    GradientLoader.addShortcuts(args.activationTerms(), map, picture, scratch, data, stride);
    GradientFinisher.finish(
        stage.activation(), map, picture, args.store(), scratch, 0, data, sums, args.dx());
    long target = region + Partials.gradientSums(stage);
    ChannelSums.flush(scratch, sums, channels, args.gradients(), target);
    if (stage.activation().normalize()) {
      long hats = region + Partials.gradientHats(stage);
      ChannelSums.flush(scratch, sums + stride, channels, args.gradients(), hats);
    }
  }
}
