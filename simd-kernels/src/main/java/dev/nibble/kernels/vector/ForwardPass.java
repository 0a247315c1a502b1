package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A stage's forward pass: load, operator, shortcut, store, one picture after the other. */
final class ForwardPass {
  private ForwardPass() {}

  /** Runs a shard whose arguments are checked. */
  static void run(
      ForwardArgs args,
      Algorithms algorithms,
      int shard,
      int from,
      int to,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    int tile = ScratchLayout.forwardTile(stage);
    int out = ScratchLayout.output(stage);
    boolean winograd = algorithms.forward(stage);
    start(args, shard, scratch);
    for (int picture = from; picture < to; picture++) {
      load(args, picture, scratch);
      if (winograd && stage.operator() instanceof Operator.Convolution conv) {
        int work = ScratchLayout.forwardWork(stage);
        WinogradProduct.forward(conv, scratch, tile, packed, work, out);
      } else {
        operate(args, picture, packed, scratch, tile, out);
      }
      store(args, shard, picture, picture == from, scratch);
    }
  }

  /** What a shard's pictures share: tables, bias, sums, and the zeros around the tile. */
  static void start(ForwardArgs args, int shard, float[] scratch) {
    Stage stage = args.stage();
    int rows = ScratchLayout.outputRows(stage);
    int tile = ScratchLayout.forwardTile(stage);
    Activation activation = stage.activation();
    TableRows.load(activation, args.table(), stage.input().channels(), scratch, 0);
    ForwardArgs.ResidualArgs buffers = args.residual();
    Stage.Residual residual = stage.residual();
    if (residual != null && buffers != null && !ScratchLayout.isPlain(residual)) {
      TableRows.load(
          residual.activation(),
          buffers.table(),
          residual.transform().input().channels(),
          scratch,
          ScratchLayout.shortcutTable(stage));
    }
    OutputWriter.start(args.bias(), stage.output().channels(), scratch, rows);
    if (OperatorGeometry.tileOrigin(stage.operator()) > 0) {
      int floats = (int) OperatorGeometry.tileFloats(stage.operator());
      Arrays.fill(scratch, tile, tile + floats, 0f);
    }
    MemorySegment statistics = args.statistics();
    if (stage.statistics() && statistics != null) {
      int channels = stage.output().channels();
      long region = shard * Partials.statisticsBytes(channels);
      clear(statistics, region, region + Partials.statisticsSums(channels), channels);
    }
  }

  private static void clear(MemorySegment region, long shift, long sums, int channels) {
    for (int c = 0; c < channels; c++) {
      region.set(JAVA_FLOAT, shift + 4L * c, 0f);
      region.set(JAVA_DOUBLE, sums + 8L * c, 0);
      region.set(JAVA_DOUBLE, sums + 8L * (channels + c), 0);
    }
  }

  /** Fills the tile's inner part and writes the picture's copy. */
  static void load(ForwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    int tile = ScratchLayout.forwardTile(stage) + OperatorGeometry.tileOrigin(stage.operator());
    Activation activation = stage.activation();
    StoreFormat format = activation.store();
    FeatureMap map = stage.input();
    int extra = OperatorGeometry.tileExtra(stage.operator());
    boolean split = OperatorGeometry.splitsGroups(map, extra, format.pixelsPerGroup());
    int at = split ? ScratchLayout.forwardRow(stage) : tile;
    int step = split ? 0 : extra;
    ActivationLoader.load(
        activation, format, map, picture, args.x(), args.store(), scratch, 0, at, step);
    if (activation.naive()) {
      ActivationRestorer.restore(
          activation, map, picture, null, args.store(), scratch, 0, at, step);
    }
    if (split) {
      spread(map, scratch, at, tile, extra);
    }
  }

  /** Cuts a picture's long row into a tile's rows. */
  static void spread(FeatureMap map, float[] scratch, int from, int tile, int extra) {
    int row = map.width() * map.channels();
    for (int y = 0; y < map.height(); y++) {
      System.arraycopy(scratch, from + y * row, scratch, tile + y * (row + extra), row);
    }
  }

  private static void operate(
      ForwardArgs args, int picture, float[] packed, float[] scratch, int tile, int out) {
    switch (args.stage().operator()) {
      case Operator.Convolution op ->
          ConvolutionForward.run(op, scratch, tile, packed, scratch, out);
      case Operator.DepthwiseConvolution op -> Depthwise.forward(op, packed, scratch, tile, out);
      case Operator.MaxPooling op -> Pooling.max(op, picture, args.argmax(), scratch, tile, out);
      case Operator.GlobalAveragePooling op -> Pooling.average(op, scratch, tile, out);
      case Operator.Resample op -> Resampler.forward(op, scratch, tile, out);
    }
  }

  /** Adds what is added to the operator's output, and writes it with its sums. */
  static void store(ForwardArgs args, int shard, int picture, boolean first, float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    int channels = map.channels();
    int rows = ScratchLayout.outputRows(stage);
    int out = ScratchLayout.output(stage);
    ForwardArgs.ResidualArgs buffers = args.residual();
    boolean plain = ScratchLayout.isPlain(stage.residual());
    MemorySegment residual = plain && buffers != null ? buffers.x() : null;
    MemorySegment statistics = stage.statistics() ? args.statistics() : null;
    long region = shard * Partials.statisticsBytes(channels);
    if (!plain) {
      addShortcut(args, picture, scratch, out);
    }
    if (statistics != null && first) {
      OutputWriter.shift(channels, residual, picture * map.bytes(), scratch, out, rows);
      int shift = rows + Lanes.roundUp(channels);
      MemorySegment.copy(scratch, shift, statistics, JAVA_FLOAT, region, channels);
    }
    OutputWriter.write(map, picture, scratch, out, rows, residual, args.y(), statistics != null);
    if (statistics != null) {
      long sums = region + Partials.statisticsSums(channels);
      OutputWriter.flush(channels, scratch, rows, statistics, sums);
    }
  }

  /** Adds a shortcut that has an activation or a transform. */
  private static void addShortcut(ForwardArgs args, int picture, float[] scratch, int out) {
    Stage stage = args.stage();
    Stage.Residual residual = stage.residual();
    ForwardArgs.ResidualArgs buffers = args.residual();
    if (residual == null || buffers == null) {
      return;
    }
    FeatureMap map = residual.transform().input();
    Activation activation = residual.activation();
    int table = ScratchLayout.shortcutTable(stage);
    int at = ScratchLayout.shortcut(stage);
    ActivationLoader.load(
        activation, StoreFormat.NONE, map, picture, buffers.x(), null, scratch, table, at, 0);
    Resampler.add(residual.transform(), scratch, at, out);
  }
}
