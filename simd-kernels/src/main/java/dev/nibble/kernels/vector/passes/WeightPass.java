package dev.nibble.kernels.vector.passes;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.ActivationRestorer;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.base.Lanes;
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
import jdk.incubator.vector.FloatVector;

/**
 * A leaf of the backward pass to a stage's weights: some blocks of the weights, each summed over
 * all pixels of the leaf's pictures, so that its sums stay in the cache.
 */
public final class WeightPass {
  private WeightPass() {}

  /** Runs a leaf whose arguments are checked; {@code terms} is what the output's gradient sums. */
  public static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    TableRows.load(stage.activation(), args.table(), stage.input().channels(), scratch, 0);
    GradientLoader.start(terms, scratch, WeightLayout.termTable(stage));
    switch (stage.operator()) {
      case Convolution op ->
          blocks(args, terms, op, algorithms, region, from, to, part, parts, scratch);
      case Operator.Multiply op -> factor(args, terms, op, from, to, part, parts, scratch);
      default -> throw new IllegalStateException(stage.operator() + " has no weights");
    }
  }

  private static void blocks(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    MemorySegment target = Objects.requireNonNull(args.gradients());
    long base = region * Partials.weightBytes(stage);
    int inBlock = WeightParts.inBlock(op, algorithms, parts);
    int outBlock = WeightParts.outBlock(op, algorithms, parts);
    boolean grouped = op.groups() > 1;
    int inBlocks = Math.ceilDiv(op.input().channels(), inBlock);
    int count = WeightParts.count(op, algorithms, parts);
    int end = Bands.bound(count, part + 1, parts);
    for (int block = Bands.bound(count, part, parts); block < end; block++) {
      int fromIn = block % inBlocks * inBlock;
      int fromOut = (grouped ? block : block / inBlocks) * outBlock;
      int in = Math.min(inBlock, op.input().channels() - fromIn);
      int out = Math.min(outBlock, op.outChannels() - fromOut);
      boolean winograd = algorithms.backwardWeights(op, in, out, true);
      int sums = WeightLayout.sums(stage, in, out, winograd);
      int work = WeightLayout.work(stage, in, out, winograd);
      int bias = WeightLayout.bias(stage);
      Arrays.fill(scratch, sums, work, 0f);
      Arrays.fill(scratch, bias, WeightLayout.gradient(stage), 0f);
      if (ConvolutionGeometry.isFlat(op)) {
        flat(args, terms, op, from, to, fromIn, in, fromOut, out, scratch);
      } else {
        rows(args, terms, op, winograd, from, to, fromIn, in, fromOut, out, scratch);
      }
      if (op.isDepthwise()) {
        Depthwise.flush(op, fromIn, fromIn + in, scratch, sums, target, base);
      } else if (winograd) {
        WinogradWeights.flush(op, fromIn, in, fromOut, out, scratch, sums, target, base);
      } else {
        ConvolutionBackwardWeights.flush(op, fromIn, in, fromOut, out, scratch, sums, target, base);
      }
      if (stage.hasBias() && (fromIn == 0 || grouped)) {
        long at = base + Partials.bias(stage) + 4L * fromOut;
        MemorySegment.copy(scratch, bias, target, JAVA_FLOAT, at, out);
      }
    }
  }

  private static void flat(
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
        addBias(1, filled, out, scratch, dy, 0, WeightLayout.bias(stage));
      }
    }
  }

  private static void rows(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      boolean winograd,
      int from,
      int to,
      int fromIn,
      int in,
      int fromOut,
      int out,
      float[] scratch) {
    Stage stage = args.stage();
    int height = op.outputHeight();
    int rows = WeightLayout.rows(stage, in, out);
    int tileRow = WeightLayout.tileRow(stage, in, winograd);
    int dyRow = WeightLayout.gradientRow(stage, out, winograd);
    int dy = WeightLayout.gradient(stage);
    int tile = WeightLayout.tile(stage, in, out, winograd);
    int longRow = WeightLayout.longRow(stage, in, out, winograd);
    int sums = WeightLayout.sums(stage, in, out, winograd);
    int work = WeightLayout.work(stage, in, out, winograd);
    int capacity = WeightLayout.capacity(stage);
    int columns = WinogradProduct.tiles(op.outputWidth());
    int gathered = 0;
    Arrays.fill(scratch, dy, longRow, 0f);
    for (int picture = from; picture < to; picture++) {
      for (int band = 0; band < height; band = Bands.end(band, rows, height)) {
        int next = Bands.end(band, rows, height);
        int made = next - band;
        if (winograd) {
          made = WinogradProduct.tiles(made) * WinogradProduct.TILE;
        }
        Rows.gradient(
            terms,
            stage.output(),
            picture,
            band,
            next,
            fromOut,
            fromOut + out,
            scratch,
            WeightLayout.termTable(stage),
            dy - fromOut,
            out,
            dyRow,
            longRow);
        Arrays.fill(scratch, dy + (next - band) * dyRow, dy + made * dyRow, 0f);
        restore(args, op, picture, band, made, fromIn, in, tileRow, tile, longRow, scratch);
        if (stage.hasBias() && (fromIn == 0 || op.groups() > 1)) {
          addBias(next - band, op.outputWidth(), out, scratch, dy, dyRow, WeightLayout.bias(stage));
        }
        if (op.isDepthwise()) {
          Depthwise.backwardWeights(op, made, in, scratch, tile, tileRow, dy, dyRow, sums);
          continue;
        }
        if (!winograd) {
          ConvolutionBackwardWeights.accumulate(
              op,
              made,
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
          continue;
        }
        for (int row = 0; row < made; row += WinogradProduct.TILE) {
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
      }
    }
    if (gathered > 0) {
      WinogradBackwardWeights.multiply(in, out, gathered, capacity, scratch, work, sums);
    }
  }

  /** Fills the tile with what {@code made} output rows from {@code band} on meet. */
  private static void restore(
      BackwardArgs args,
      Convolution op,
      int picture,
      int band,
      int made,
      int fromIn,
      int in,
      int tileRow,
      int tile,
      int longRow,
      float[] scratch) {
    int height = op.input().height();
    int top = band * op.window().strideHeight() - op.window().padTop();
    int bottom = top + WeightLayout.window(op, made);
    int first = Math.max(Math.min(0, bottom), top);
    int end = Math.max(first, Math.min(height, bottom));
    Arrays.fill(scratch, tile, tile + (first - top) * tileRow, 0f);
    if (first < end) {
      int at = tile + (first - top) * tileRow + op.window().padLeft() * in - fromIn;
      Rows.restore(
          args, picture, first, end, fromIn, fromIn + in, scratch, at, in, tileRow, longRow);
    }
    Arrays.fill(scratch, tile + (end - top) * tileRow, tile + (bottom - top) * tileRow, 0f);
  }

  /** The gradient of a second tensor: of some of its channels, picture by picture. */
  private static void factor(
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
        factor(args, op, picture, band, next, fromChannel, toChannel, scratch, tile, dy, sums);
      }
      flushFactor(args, op, picture, fromChannel, toChannel, scratch, sums);
    }
  }

  /**
   * Adds rows {@code [first, end)} to the gradient of a second tensor of one pixel, or writes those
   * of one of the input's shape.
   *
   * @param act index of the activation's first pixel of these rows, C floats a pixel
   * @param dy index of the gradient's
   */
  static void factor(
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
  static void flushFactor(
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

  /**
   * Adds rows of pixels to the bias's gradient.
   *
   * @param dy index of the first pixel of the output's gradient, {@code channels} floats a pixel
   * @param row floats from row to row
   */
  public static void addBias(
      int rows, int width, int channels, float[] scratch, int dy, int row, int bias) {
    if (width == 1 && rows == 1) {
      // A dense layer comes here so seldom that vectors would stay objects on the heap for long.
      for (int c = 0; c < channels; c++) {
        scratch[bias + c] += scratch[dy + c];
      }
      return;
    }
    // The last vector reads the next pixel's values, which stay in the padding.
    for (int c = 0; c < channels; c += LANES) {
      for (int y = 0; y < rows; y++) {
        int from = dy + y * row + c;
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int x = 0; x < width; x++) {
          sum = sum.add(FloatVector.fromArray(FLOATS, scratch, from + x * channels));
        }
        FloatVector.fromArray(FLOATS, scratch, bias + c).add(sum).intoArray(scratch, bias + c);
      }
    }
  }
}
