package dev.nibble.kernels.vector.passes;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardWeights;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.winograd.WinogradBackwardWeights;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import dev.nibble.kernels.vector.winograd.WinogradWeights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A leaf of the fused backward pass: load the gradient, restore the activation, weights' gradient,
 * operator, mask. One whole picture after the other, in the first part of a group, but for 1 x 1
 * convolutions, whose parts are runs of pixels.
 */
public final class BackwardPass {
  private BackwardPass() {}

  /** Runs a leaf whose arguments are checked. */
  public static void run(
      BackwardArgs args,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    Operator op = stage.operator();
    boolean flat = op instanceof Convolution c && ConvolutionGeometry.isFlat(c);
    int end = flat || part == 0 ? to : from;
    boolean through = args.dx() != null || stage.activation().hasParameters();
    if (op instanceof GroupNorm) {
      GradientLoader.start(args.outputTerms(), scratch, ScratchLayout.termTable(stage));
      TableRows.load(stage.activation(), args.table(), stage.input().channels(), scratch, 0);
      Arrays.fill(scratch, ScratchLayout.sums(stage), ScratchLayout.gradient(stage), 0f);
      DataPass.clearSums(args, region);
      GroupNormBackward.run(
          args, args.outputTerms(), args.gradientOut(), true, through, region, from, end, scratch);
      return;
    }
    int weights = FusedLayout.weights(stage);
    start(args, region, scratch);
    Arrays.fill(scratch, weights, FusedLayout.dataWork(stage, algorithms), 0f);
    int gathered = 0;
    if (flat) {
      List<GradientTerm> terms = args.outputTerms();
      FlatBackward.run(
          args,
          terms,
          (Convolution) op,
          true,
          through,
          region,
          from,
          to,
          part,
          parts,
          packed,
          scratch);
    }
    for (int picture = from; picture < end && !flat; picture++) {
      loadGradient(args, picture, scratch);
      if (stage.needsInputValues()) {
        restore(args, picture, scratch);
        if (op instanceof Operator.Multiply multiply) {
          factorGradient(args, multiply, picture, scratch);
        } else {
          gathered = addWeights(stage, algorithms, gathered, scratch);
        }
      }
      if (through) {
        operate(args, algorithms, picture, packed, scratch);
        int pixels = stage.input().pixels();
        int vectors = Lanes.roundUp(stage.input().channels()) / Lanes.LANES;
        DataPass.finish(
            args, region, picture, 0, pixels, 0, vectors, scratch, FusedLayout.data(stage));
      }
    }
    if (op.weights() > 0) {
      finishWeights(args, op, algorithms, region, gathered, scratch);
    }
  }

  private static void start(BackwardArgs args, int region, float[] scratch) {
    Stage stage = args.stage();
    TableRows.load(stage.activation(), args.table(), stage.input().channels(), scratch, 0);
    GradientLoader.start(args.outputTerms(), scratch, ScratchLayout.termTable(stage));
    // Sums, bias, and the zeros around the tiles.
    Arrays.fill(scratch, ScratchLayout.sums(stage), FusedLayout.data(stage), 0f);
    DataPass.clearSums(args, region);
  }

  /** Sums the output's terms into the gradient's tile, and their sum into the bias's gradient. */
  private static void loadGradient(BackwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    int channels = map.channels();
    int row = Bands.gradientRow(stage.operator());
    int dy = FusedLayout.gradientPixel(stage);
    Rows.gradient(
        args.outputTerms(),
        map,
        picture,
        0,
        map.height(),
        0,
        channels,
        scratch,
        ScratchLayout.termTable(stage),
        dy,
        channels,
        row,
        FusedLayout.longRow(stage));
    MemorySegment gradientOut = args.gradientOut();
    if (gradientOut != null && !GradientLoader.isInPlace(args, gradientOut)) {
      int length = map.width() * channels;
      long to = picture * map.bytes();
      Segments.copyOut(scratch, dy, row, gradientOut, to, length, length, map.height());
    }
    if (stage.hasBias()) {
      BiasGradient.add(
          map.height(), map.width(), channels, scratch, dy, row, FusedLayout.bias(stage));
    }
  }

  private static void restore(BackwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int channels = map.channels();
    Rows.restore(
        args,
        picture,
        0,
        map.height(),
        0,
        channels,
        scratch,
        FusedLayout.tilePixel(stage),
        channels,
        Bands.tileRow(stage.operator()),
        FusedLayout.longRow(stage));
  }

  private static void factorGradient(
      BackwardArgs args, Operator.Multiply op, int picture, float[] scratch) {
    Stage stage = args.stage();
    int sums = FusedLayout.weights(stage);
    int height = op.input().height();
    int channels = op.input().channels();
    int act = FusedLayout.tilePixel(stage);
    int dy = FusedLayout.gradientPixel(stage);
    Arrays.fill(scratch, sums, sums + Lanes.roundUp(channels), 0f);
    FactorPass.add(args, op, picture, 0, height, 0, channels, scratch, act, dy, sums);
    FactorPass.flush(args, op, picture, 0, channels, scratch, sums);
  }

  /** Adds a picture's gradient of the weights; returns Winograd's tiles that are gathered. */
  private static int addWeights(Stage stage, Algorithms algorithms, int before, float[] scratch) {
    int dy = FusedLayout.gradientPixel(stage);
    int tile = FusedLayout.tile(stage);
    int sums = FusedLayout.weights(stage);
    Operator operator = stage.operator();
    if (!(operator instanceof Convolution op)) {
      throw new IllegalStateException(operator + " has no weights");
    }
    int in = op.input().channels();
    int out = op.outChannels();
    int tileRow = ConvolutionGeometry.tileRow(op);
    int dyRow = ConvolutionGeometry.dyRow(op);
    if (op.isDepthwise()) {
      int height = op.outputHeight();
      Depthwise.backwardWeights(op, height, in, scratch, tile, tileRow, dy, dyRow, sums);
      return 0;
    }
    if (!FusedLayout.isWinograd(op, algorithms)) {
      ConvolutionBackwardWeights.accumulate(
          op,
          op.outputHeight(),
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
      return 0;
    }
    int gathered = before;
    int work = FusedLayout.weightWork(stage, algorithms);
    int capacity = FusedLayout.capacity(stage);
    int columns = WinogradProduct.tiles(op.outputWidth());
    for (int row = 0; row < op.outputHeight(); row += WinogradProduct.TILE) {
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
    return gathered;
  }

  private static void finishWeights(
      BackwardArgs args,
      Operator operator,
      Algorithms algorithms,
      int region,
      int gathered,
      float[] scratch) {
    Stage stage = args.stage();
    MemorySegment target = Objects.requireNonNull(args.gradients());
    long base = region * Partials.weightBytes(stage);
    int sums = FusedLayout.weights(stage);
    if (operator instanceof Convolution op) {
      int in = op.input().channels();
      int out = op.outChannels();
      if (op.isDepthwise()) {
        Depthwise.flush(op, 0, in, scratch, sums, target, base);
      } else if (FusedLayout.isWinograd(op, algorithms)) {
        if (gathered > 0) {
          int work = FusedLayout.weightWork(stage, algorithms);
          int capacity = FusedLayout.capacity(stage);
          WinogradBackwardWeights.multiply(in, out, gathered, capacity, scratch, work, sums);
        }
        WinogradWeights.flush(op, 0, in, 0, out, scratch, sums, target, base);
      } else {
        ConvolutionBackwardWeights.flush(op, 0, in, 0, out, scratch, sums, target, base);
      }
    }
    if (stage.hasBias()) {
      long at = base + Partials.bias(stage);
      int channels = stage.output().channels();
      MemorySegment.copy(scratch, FusedLayout.bias(stage), target, JAVA_FLOAT, at, channels);
    }
  }

  private static void operate(
      BackwardArgs args, Algorithms algorithms, int picture, float[] packed, float[] scratch) {
    Stage stage = args.stage();
    int dy = FusedLayout.gradient(stage);
    int data = FusedLayout.data(stage);
    int height = stage.input().height();
    int channels = stage.input().channels();
    switch (stage.operator()) {
      case Convolution op -> {
        int vectors = ConvolutionGeometry.dataStride(op) / Lanes.LANES;
        if (algorithms.backwardData(stage)) {
          int work = FusedLayout.dataWork(stage, algorithms);
          WinogradProduct.run(
              height,
              op.input().width(),
              op.outChannels(),
              channels,
              0,
              vectors,
              scratch,
              dy,
              packed,
              scratch,
              work,
              scratch,
              data);
        } else {
          int first = dy + Math.max(0, FusedLayout.top(op)) * ConvolutionGeometry.dyRow(op);
          WindowData.product(op, 0, height, 0, vectors, packed, scratch, first, data);
        }
      }
      default -> ChannelwiseData.operate(args, picture, 0, height, 0, channels, scratch, dy, data);
    }
  }
}
