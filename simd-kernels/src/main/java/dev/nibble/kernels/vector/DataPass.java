package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A leaf of the backward pass to a stage's input: band by band, load the output's gradient,
 * operator, mask, store. What neighbouring bands of a picture share stays in scratch.
 */
final class DataPass {
  private DataPass() {}

  /** Runs a leaf whose arguments are checked; {@code terms} is what the output's gradient sums. */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    start(args, terms, region, scratch);
    switch (stage.operator()) {
      case Convolution op -> {
        if (ConvolutionGeometry.isFlat(op)) {
          flat(args, terms, op, region, from, to, part, parts, packed, scratch);
        } else {
          convolution(args, terms, op, algorithms, region, from, to, part, parts, packed, scratch);
        }
      }
      default -> channelwise(args, terms, region, from, to, part, parts, scratch);
    }
  }

  /** Leaves the sum of the terms in the gradient's buffer, for pixels of a part. */
  static void sum(
      BackwardArgs args,
      int from,
      int to,
      int part,
      int parts,
      MemorySegment target,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    if (GradientLoader.isInPlace(args, target)) {
      return;
    }
    GradientLoader.start(args.outputTerms(), scratch, ScratchLayout.termTable(stage));
    int first = Bands.bound(map.pixels(), Bands.PIXELS, part, parts);
    int end = Bands.bound(map.pixels(), Bands.PIXELS, part + 1, parts);
    int at = ScratchLayout.gradient(stage);
    int run = ScratchLayout.sumPixels(stage);
    int channels = map.channels();
    for (int picture = from; picture < to; picture++) {
      for (int pixel = first; pixel < end; pixel += run) {
        int next = Math.min(end, pixel + run);
        GradientLoader.load(
            args.outputTerms(),
            map,
            picture,
            pixel,
            next,
            0,
            channels,
            scratch,
            ScratchLayout.termTable(stage),
            at,
            channels);
        long offset = picture * map.bytes() + 4L * pixel * channels;
        Segments.copyOut(scratch, at, channels, target, offset, channels, channels, next - pixel);
      }
    }
  }

  /** What a leaf's bands share: tables and sums. */
  private static void start(
      BackwardArgs args, List<GradientTerm> terms, int region, float[] scratch) {
    Stage stage = args.stage();
    TableRows.load(stage.activation(), args.table(), stage.input().channels(), scratch, 0);
    GradientLoader.start(terms, scratch, ScratchLayout.termTable(stage));
    Arrays.fill(scratch, ScratchLayout.sums(stage), ScratchLayout.gradient(stage), 0f);
    clearSums(args, region);
  }

  /** Clears a leaf's region of sums. */
  static void clearSums(BackwardArgs args, int region) {
    long at = region * Partials.sumBytes(args.stage());
    for (int c = 0; c < Partials.sumRows(args.stage()) * args.stage().input().channels(); c++) {
      args.sums().set(JAVA_DOUBLE, at + 8L * c, 0);
    }
  }

  private static void flat(
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
        finish(
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

  private static void convolution(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    boolean winograd = algorithms.backwardData(op);
    FeatureMap map = stage.input();
    int height = map.height();
    int step = Bands.step(stage, map.width());
    int channels = map.channels();
    int panels = panels(op, winograd);
    boolean byRows = Bands.byRows(height, step, panels, parts);
    int first = byRows ? Bands.bound(height, step, part, parts) : 0;
    int end = byRows ? Bands.bound(height, step, part + 1, parts) : height;
    int firstPanel = byRows ? 0 : Bands.bound(panels, part, parts);
    int endPanel = byRows ? panels : Bands.bound(panels, part + 1, parts);
    if (first >= end || firstPanel >= endPanel) {
      return;
    }
    int firstVector = panelVector(op, winograd, firstPanel);
    int endVector = panelVector(op, winograd, endPanel);
    // Each channel of a depthwise gradient sees itself alone.
    int fromChannel = op.isDepthwise() ? firstVector * Lanes.LANES : 0;
    int toChannel =
        op.isDepthwise() ? Math.min(channels, endVector * Lanes.LANES) : op.outChannels();
    int rows = Bands.dataRows(stage);
    int dy = ScratchLayout.gradient(stage);
    int data = ScratchLayout.data(stage);
    int work = ScratchLayout.dataWork(stage);
    Arrays.fill(scratch, dy, data, 0f);
    for (int picture = from; picture < to; picture++) {
      int base = 0;
      int loaded = 0;
      for (int band = first; band < end; band = Bands.end(band, rows, end)) {
        int next = Bands.end(band, rows, end);
        loaded =
            loadWindow(
                args,
                terms,
                op,
                picture,
                band,
                next,
                band == first,
                base,
                loaded,
                fromChannel,
                toChannel,
                scratch);
        base = ConvolutionBackwardData.firstGradientRow(op, band);
        if (winograd) {
          WinogradProduct.run(
              next - band,
              map.width(),
              op.outChannels(),
              channels,
              firstVector,
              endVector,
              scratch,
              dy,
              packed,
              scratch,
              work,
              scratch,
              data);
        } else {
          product(op, band, next, firstVector, endVector, packed, scratch, dy, data);
        }
        finish(
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

  /** The product that is not made by Winograd's algorithm, for input rows {@code [first, end)}. */
  static void product(
      Convolution op,
      int first,
      int end,
      int firstVector,
      int endVector,
      float[] packed,
      float[] scratch,
      int dy,
      int data) {
    if (op.isDepthwise()) {
      Depthwise.backwardData(op, first, end, firstVector, endVector, packed, scratch, dy, data);
    } else {
      ConvolutionBackwardData.run(
          op, first, end, firstVector, endVector, scratch, dy, packed, scratch, data);
    }
  }

  /** Panels of the input's channels, of which a part is some. */
  private static int panels(Convolution op, boolean winograd) {
    int channels = op.input().channels();
    if (op.isDepthwise()) {
      return Lanes.roundUp(channels) / Lanes.LANES;
    }
    return winograd ? WinogradWeights.panels(channels) : ConvolutionBackwardData.panels(op);
  }

  private static int panelVector(Convolution op, boolean winograd, int panel) {
    if (op.isDepthwise()) {
      return panel;
    }
    return winograd
        ? WinogradWeights.firstVector(op.input().channels(), panel)
        : ConvolutionBackwardData.firstVector(op, panel);
  }

  /**
   * Fills the tile with the rows of the output's gradient that a band meets: what the last band
   * left of them is moved up, the others are loaded; zeros outside the gradient.
   *
   * @param base the tile's first row before, in the gradient
   * @param loaded rows that it held
   * @return rows that it holds now
   */
  private static int loadWindow(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      int picture,
      int band,
      int next,
      boolean opens,
      int base,
      int loaded,
      int fromChannel,
      int toChannel,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    int row = ConvolutionGeometry.dyRow(op);
    int dy = ScratchLayout.gradient(stage);
    int top = ConvolutionBackwardData.firstGradientRow(op, band);
    int bottom = ConvolutionBackwardData.endGradientRow(op, next);
    int from = top;
    if (!opens) {
      int kept = Math.max(0, base + loaded - top);
      if (kept > 0) {
        System.arraycopy(scratch, dy + (top - base) * row, scratch, dy, kept * row);
      }
      from = top + kept;
    }
    int inside = Math.min(bottom, Math.max(from, 0));
    if (inside > from) {
      Arrays.fill(scratch, dy + (from - top) * row, dy + (inside - top) * row, 0f);
      from = inside;
    }
    int until = Math.min(bottom, map.height());
    if (from < until) {
      int channels = map.channels();
      Rows.gradient(
          terms,
          map,
          picture,
          from,
          until,
          fromChannel,
          toChannel,
          scratch,
          ScratchLayout.termTable(stage),
          dy + (from - top) * row + ConvolutionGeometry.dyBefore(op) * channels,
          channels,
          row,
          ScratchLayout.dataRow(stage));
      from = until;
    }
    if (from < bottom) {
      Arrays.fill(scratch, dy + (from - top) * row, dy + (bottom - top) * row, 0f);
    }
    return Math.max(bottom, from) - top;
  }

  /** Pooling, depthwise convolution, and the shortcut as a stage of its own. */
  private static void channelwise(
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
    int dy = ScratchLayout.gradient(stage);
    int data = ScratchLayout.data(stage);
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
        finish(
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
              op, picture, first, end, fromChannel, toChannel, args.argmax(), scratch, dy, data);
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
      case Operator.Padding op -> Moves.padBackward(op, first, end, scratch, dy, data);
      default -> throw new IllegalStateException(stage.operator() + " has a pass of its own");
    }
  }

  /**
   * Adds the activation's terms, masks, writes d and flushes its sums: pixels {@code [first, end)}
   * and vectors {@code [firstVector, endVector)}.
   *
   * @param data index in scratch of the first pixel
   */
  static void finish(
      BackwardArgs args,
      int region,
      int picture,
      int first,
      int end,
      int firstVector,
      int endVector,
      float[] scratch,
      int data) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int channels = map.channels();
    int fromChannel = firstVector * Lanes.LANES;
    int toChannel = Math.min(channels, endVector * Lanes.LANES);
    int sums = ScratchLayout.sums(stage);
    int stride = Lanes.roundUp(channels);
    GradientLoader.addShortcuts(
        args.activationTerms(),
        map,
        picture,
        first,
        end,
        fromChannel,
        toChannel,
        scratch,
        data,
        stride);
    GradientFinisher.finish(
        stage.activation(),
        map,
        picture,
        first,
        end,
        fromChannel,
        toChannel,
        args.store(),
        scratch,
        0,
        data,
        sums,
        args.dx());
    long target = region * Partials.sumBytes(stage);
    ChannelSums.flush(scratch, sums, fromChannel, toChannel, args.sums(), target);
    if (stage.activation().normalize()) {
      long hats = target + Partials.hats(stage);
      ChannelSums.flush(scratch, sums + stride, fromChannel, toChannel, args.sums(), hats);
    }
    if (stage.activation().nonlinearity().hasSlope()) {
      long slopes = target + Partials.slopes(stage);
      int below = sums + 2 * stride;
      ChannelSums.flush(scratch, below, fromChannel, toChannel, args.sums(), slopes);
    }
  }
}
