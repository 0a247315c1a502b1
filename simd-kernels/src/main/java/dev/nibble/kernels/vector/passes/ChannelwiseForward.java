package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/** The forward pass of stages that multiply no matrices: pooling, resampling, products, moves. */
final class ChannelwiseForward {
  private ChannelwiseForward() {}

  /** Max pooling, and the shortcut as a stage of its own. */
  static void run(
      ForwardArgs args, int region, int from, int to, int part, int parts, float[] scratch) {
    Stage stage = args.stage();
    Operator op = stage.operator();
    FeatureMap map = stage.input();
    int height = op.outputHeight();
    int step = Bands.forwardStep(stage);
    int channels = map.channels();
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
    int outVectors = moves ? Lanes.roundUp(op.outputChannels()) / Lanes.LANES : endVector;
    int rows = Bands.forwardRows(stage);
    int stride = Bands.stride(op);
    int row = Bands.tileRow(op);
    int outRow = op.outputWidth() * Lanes.roundUp(op.outputChannels());
    int tile = ScratchLayout.tile(stage);
    boolean passes = Resampler.passes(op);
    int out = passes ? tile : ScratchLayout.output(stage);
    int longRow = ScratchLayout.forwardRow(stage);
    int own = Math.min(map.height(), first * stride);
    int ownEnd = end == height ? map.height() : Math.min(map.height(), end * stride);
    for (int picture = from; picture < to; picture++) {
      int stored = own; // rows whose copies are left already
      for (int band = first; band < end; band = Bands.end(band, rows, end)) {
        int next = Bands.end(band, rows, end);
        int top = Math.max(0, band * stride - Bands.padding(op));
        int bottom =
            Math.min(map.height(), (next - 1) * stride + Bands.reach(op) - Bands.padding(op));
        int ends = next == end ? ownEnd : Math.min(ownEnd, next * stride);
        loadRows(
            args,
            picture,
            top,
            Math.min(stored, bottom),
            fromChannel,
            toChannel,
            false,
            scratch,
            tile,
            row,
            longRow);
        loadRows(
            args,
            picture,
            stored,
            ends,
            fromChannel,
            toChannel,
            true,
            scratch,
            tile + (stored - top) * row,
            row,
            longRow);
        loadRows(
            args,
            picture,
            ends,
            bottom,
            fromChannel,
            toChannel,
            false,
            scratch,
            tile + (ends - top) * row,
            row,
            longRow);
        stored = ends;
        if (!passes) {
          operate(
              args,
              picture,
              band,
              next,
              fromChannel,
              toChannel,
              scratch,
              tile - top * row,
              out - band * outRow);
        }
        int width = op.outputWidth();
        ForwardOutput.store(
            args,
            region,
            picture,
            band * width,
            next * width,
            firstVector,
            outVectors,
            picture == from && band == first,
            scratch,
            out);
      }
    }
  }

  /**
   * Padding: rows are not where bytes of codes begin, so a part first leaves the copy of its share
   * of the input, then loads again what its output rows are made of.
   */
  static void pad(
      ForwardArgs args,
      Padding op,
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
    int first = Bands.bound(height, Bands.ROWS, part, parts);
    int end = Bands.bound(height, Bands.ROWS, part + 1, parts);
    int rows = Bands.forwardRows(stage);
    int channels = map.channels();
    int row = Bands.tileRow(op);
    int width = op.outputWidth();
    int outRow = width * Lanes.roundUp(op.outputChannels());
    int vectors = Lanes.roundUp(op.outputChannels()) / Lanes.LANES;
    int tile = ScratchLayout.tile(stage);
    int out = ScratchLayout.output(stage);
    int longRow = ScratchLayout.forwardRow(stage);
    boolean stores = stage.activation().store().bits() > 0;
    for (int picture = from; picture < to; picture++) {
      for (int y = own; stores && y < ownEnd; y += step) {
        int until = Math.min(ownEnd, y + step);
        loadRows(args, picture, y, until, 0, channels, true, scratch, tile, row, longRow);
      }
      for (int band = first; band < end; band = Bands.end(band, rows, end)) {
        int next = Bands.end(band, rows, end);
        int top = Moves.inputRow(op, band);
        if (stage.activation().naive()) {
          // Values are read from codes, which begin with a byte; the tile has all rows then.
          top -= top % Bands.codeRows(stage);
        }
        int bottom = Moves.inputRow(op, next);
        loadRows(args, picture, top, bottom, 0, channels, false, scratch, tile, row, longRow);
        Moves.pad(op, band, next, scratch, tile - top * row, out - band * outRow);
        boolean begins = picture == from && band == first;
        ForwardOutput.store(
            args, region, picture, band * width, next * width, 0, vectors, begins, scratch, out);
      }
    }
  }

  private static void loadRows(
      ForwardArgs args,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      boolean stores,
      float[] scratch,
      int to,
      int row,
      int longRow) {
    if (first < end) {
      Rows.load(
          args, picture, first, end, fromChannel, toChannel, stores, scratch, to, row, longRow);
    }
  }

  private static void operate(
      ForwardArgs args,
      int picture,
      int first,
      int end,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int act,
      int out) {
    switch (args.stage().operator()) {
      case Operator.MaxPooling op ->
          Pooling.max(
              op, picture, first, end, fromChannel, toChannel, args.saved(), scratch, act, out);
      case Operator.AveragePooling op ->
          Averages.forward(op, first, end, fromChannel, toChannel, scratch, act, out);
      case Resample op -> {
        if (op.isIdentity()) {
          Resampler.copy(op, first, end, fromChannel, toChannel, scratch, act, out);
        } else {
          Resampler.forward(op, first, end, scratch, act, out);
        }
      }
      case Operator.Multiply op -> {
        int pixel = first * op.input().width();
        int from = act + pixel * op.input().channels();
        int to = out + pixel * Lanes.roundUp(op.input().channels());
        MemorySegment factor = Objects.requireNonNull(args.factor());
        int last = end * op.input().width();
        Products.multiply(
            op, picture, pixel, last, fromChannel, toChannel, factor, scratch, from, to);
      }
      case Operator.Dropout op -> {
        int pixel = first * op.input().width();
        int from = act + pixel * op.input().channels();
        int to = out + pixel * Lanes.roundUp(op.input().channels());
        MemorySegment draws = Objects.requireNonNull(args.draws());
        int last = end * op.input().width();
        Products.drop(op, picture, pixel, last, fromChannel, toChannel, draws, scratch, from, to);
      }
      case Operator.ChannelShuffle op -> {
        int pixel = first * op.input().width();
        int from = act + pixel * op.input().channels();
        int to = out + pixel * Lanes.roundUp(op.input().channels());
        Moves.shuffle(op, (end - first) * op.input().width(), scratch, from, to);
      }
      default -> throw new IllegalStateException(args.stage().operator() + " has no bands");
    }
  }

  /** Global average pooling: a part has some of the channels. */
  static void average(
      ForwardArgs args,
      Operator.GlobalAveragePooling op,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int vectors = Lanes.roundUp(map.channels()) / Lanes.LANES;
    int firstVector = Bands.bound(vectors, part, parts);
    int endVector = Bands.bound(vectors, part + 1, parts);
    int fromChannel = firstVector * Lanes.LANES;
    int toChannel = Math.min(map.channels(), endVector * Lanes.LANES);
    if (fromChannel >= toChannel) {
      return;
    }
    int tile = ScratchLayout.tile(stage);
    int out = ScratchLayout.output(stage);
    int rows = Bands.poolingBand(stage);
    for (int picture = from; picture < to; picture++) {
      Arrays.fill(scratch, out + fromChannel, out + endVector * Lanes.LANES, 0f);
      for (int band = 0; band < map.height(); band = Bands.end(band, rows, map.height())) {
        int next = Bands.end(band, rows, map.height());
        loadRows(
            args,
            picture,
            band,
            next,
            fromChannel,
            toChannel,
            true,
            scratch,
            tile,
            map.width() * map.channels(),
            ScratchLayout.forwardRow(stage));
        Averages.sum(op, next - band, fromChannel, toChannel, scratch, tile, out);
      }
      Averages.divide(op, fromChannel, toChannel, scratch, out);
      ForwardOutput.store(
          args, region, picture, 0, 1, firstVector, endVector, picture == from, scratch, out);
    }
  }
}
