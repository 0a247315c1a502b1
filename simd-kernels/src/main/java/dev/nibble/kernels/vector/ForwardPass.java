package dev.nibble.kernels.vector;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * A leaf of a stage's forward pass: band by band, load, operator, shortcut, store. What
 * neighbouring bands of a picture share stays in scratch.
 */
final class ForwardPass {
  private ForwardPass() {}

  /** Runs a leaf whose arguments are checked. */
  static void run(
      ForwardArgs args,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    start(args, region, scratch);
    if (stage.activation().naive() && !ScratchLayout.isFlat(stage)) {
      // Values are read from codes, which a band's neighbours may not have written yet.
      if (part == 0) {
        dispatch(args, algorithms, region, from, to, 0, 1, packed, scratch);
      }
      return;
    }
    dispatch(args, algorithms, region, from, to, part, parts, packed, scratch);
  }

  private static void dispatch(
      ForwardArgs args,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    switch (args.stage().operator()) {
      case Convolution op -> {
        if (ConvolutionGeometry.isFlat(op)) {
          flat(args, op, region, from, to, part, parts, packed, scratch);
        } else {
          convolution(args, op, algorithms, region, from, to, part, parts, packed, scratch);
        }
      }
      case Operator.GlobalAveragePooling op ->
          average(args, op, region, from, to, part, parts, scratch);
      case Padding op -> padding(args, op, region, from, to, part, parts, scratch);
      default -> channelwise(args, region, from, to, part, parts, scratch);
    }
  }

  /** What a leaf's bands share: tables, bias, sums. */
  static void start(ForwardArgs args, int region, float[] scratch) {
    Stage stage = args.stage();
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
    int channels = stage.output().channels();
    OutputWriter.start(args.bias(), channels, scratch, ScratchLayout.outputRows(stage));
    MemorySegment statistics = args.statistics();
    if (stage.statistics() && statistics != null) {
      OutputWriter.clear(statistics, region * Partials.statisticsBytes(channels), channels);
    }
  }

  private static void flat(
      ForwardArgs args,
      Convolution op,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    Activation activation = stage.activation();
    int step = Bands.flatStep(stage);
    int panels = ConvolutionForward.panels(op);
    boolean byPixels = Bands.byRows(map.pixels(), step, panels, parts);
    int first = byPixels ? Bands.bound(map.pixels(), step, part, parts) : 0;
    int end = byPixels ? Bands.bound(map.pixels(), step, part + 1, parts) : map.pixels();
    int firstVector = byPixels ? 0 : panel(op, panels, part, parts);
    int endVector = panel(op, panels, byPixels ? parts : part + 1, parts);
    // The copy is left once, by the part that has the first channels; the naive way reads it.
    boolean stores = firstVector == 0 || activation.naive();
    int capacity = Bands.forwardRun(stage);
    int tile = ScratchLayout.tile(stage);
    int out = ScratchLayout.output(stage);
    int channels = map.channels();
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
        Rows.load(args, picture, pixel, pixel + count, stores, scratch, tile + filled * channels);
        filled += count;
        pixel += count;
        if (pixel == end) {
          pixel = first;
          picture++;
        }
      }
      ConvolutionForward.run(
          op, 1, filled, firstVector, endVector, scratch, tile, packed, scratch, out);
      storeRun(
          args,
          region,
          startPicture,
          startPixel,
          first,
          end,
          filled,
          from,
          firstVector,
          endVector,
          scratch,
          out);
    }
  }

  /** Stores a run that begins with a pixel of a picture and may go on in the next ones. */
  private static void storeRun(
      ForwardArgs args,
      int region,
      int startPicture,
      int startPixel,
      int first,
      int end,
      int filled,
      int from,
      int firstVector,
      int endVector,
      float[] scratch,
      int out) {
    int stride = Lanes.roundUp(args.stage().output().channels());
    int picture = startPicture;
    int pixel = startPixel;
    for (int done = 0; done < filled; ) {
      int count = Math.min(end - pixel, filled - done);
      boolean begins = picture == from && pixel == first;
      store(
          args,
          region,
          picture,
          pixel,
          pixel + count,
          firstVector,
          endVector,
          begins,
          scratch,
          out + done * stride);
      done += count;
      pixel = first;
      picture++;
    }
  }

  private static int panel(Convolution op, int panels, int part, int parts) {
    return ConvolutionForward.firstVector(op, Bands.bound(panels, part, parts));
  }

  private static void convolution(
      ForwardArgs args,
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
    boolean winograd = algorithms.forward(stage);
    int step = Bands.forwardStep(stage);
    int height = op.outputHeight();
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
    // Each channel of a depthwise output sees itself alone, and its copy is left with it.
    int fromChannel = op.isDepthwise() ? firstVector * Lanes.LANES : 0;
    int toChannel = op.input().channels();
    if (op.isDepthwise()) {
      toChannel = Math.min(toChannel, endVector * Lanes.LANES);
    }
    boolean stores = op.isDepthwise() || firstVector == 0;
    int rows = Bands.forwardRows(stage);
    int tile = ScratchLayout.tile(stage);
    int out = ScratchLayout.output(stage);
    int work = ScratchLayout.forwardWork(stage);
    Arrays.fill(scratch, tile, out, 0f);
    for (int picture = from; picture < to; picture++) {
      int base = 0;
      int loaded = 0; // rows of the tile from base on
      for (int band = first; band < end; band = Bands.end(band, rows, end)) {
        int next = Bands.end(band, rows, end);
        boolean opens = band == first;
        loaded =
            loadWindow(
                args,
                op,
                picture,
                first,
                end,
                band,
                next,
                opens,
                base,
                loaded,
                stores,
                fromChannel,
                toChannel,
                scratch);
        base = band * op.window().strideHeight() - op.window().padTop();
        if (op.isDepthwise()) {
          Depthwise.forward(op, next - band, firstVector, endVector, packed, scratch, tile, out);
        } else if (winograd) {
          WinogradProduct.run(
              next - band,
              op.outputWidth(),
              op.input().channels(),
              op.outChannels(),
              firstVector,
              endVector,
              scratch,
              tile,
              packed,
              scratch,
              work,
              scratch,
              out);
        } else {
          ConvolutionForward.run(
              op,
              next - band,
              op.outputWidth(),
              firstVector,
              endVector,
              scratch,
              tile,
              packed,
              scratch,
              out);
        }
        int width = op.outputWidth();
        store(
            args,
            region,
            picture,
            band * width,
            next * width,
            firstVector,
            endVector,
            picture == from && opens,
            scratch,
            out);
      }
    }
  }

  /**
   * Fills the tile with the rows that a band's windows meet: what the last band left of them is
   * moved up, the others are loaded; zeros where the window leaves the picture.
   *
   * @param base the tile's first row before, in the picture
   * @param loaded rows that it held
   * @return rows that it holds now
   */
  private static int loadWindow(
      ForwardArgs args,
      Convolution op,
      int picture,
      int first,
      int end,
      int band,
      int next,
      boolean opens,
      int base,
      int loaded,
      boolean stores,
      int fromChannel,
      int toChannel,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int height = map.height();
    int stride = op.window().strideHeight();
    int row = ConvolutionGeometry.tileRow(op);
    int tile = ScratchLayout.tile(stage);
    int top = band * stride - op.window().padTop();
    int bottom = (next - 1) * stride + op.window().reachHeight() - op.window().padTop();
    // Rows whose copies are this leaf's to leave.
    int own = Math.min(height, first * stride);
    int ownEnd = end == op.outputHeight() ? height : Math.min(height, end * stride);
    int from = top;
    if (opens) {
      if (top < 0) {
        Arrays.fill(scratch, tile, tile - top * row, 0f);
        from = 0;
      }
    } else {
      int kept = Math.max(0, base + loaded - top);
      if (kept > 0) {
        System.arraycopy(scratch, tile + (top - base) * row, scratch, tile, kept * row);
      }
      from = Math.max(top + kept, Math.min(base + loaded, height));
    }
    int until = Math.max(bottom, next == end ? ownEnd : next * stride);
    int step = Bands.codeRows(stage);
    until = Math.min(height, (until + step - 1) / step * step);
    int at = tile + op.window().padLeft() * map.channels() - top * row;
    int ownFrom = Math.max(from, own);
    int ownUntil = Math.min(until, ownEnd);
    int behind = Math.max(from, ownEnd);
    int longRow = ScratchLayout.forwardRow(stage);
    rows(
        args,
        picture,
        from,
        Math.min(until, own),
        fromChannel,
        toChannel,
        false,
        scratch,
        at,
        row,
        longRow);
    rows(
        args,
        picture,
        ownFrom,
        ownUntil,
        fromChannel,
        toChannel,
        stores,
        scratch,
        at,
        row,
        longRow);
    rows(args, picture, behind, until, fromChannel, toChannel, false, scratch, at, row, longRow);
    int beyond = Math.max(from, until);
    if (bottom > beyond) {
      Arrays.fill(scratch, tile + (beyond - top) * row, tile + (bottom - top) * row, 0f);
    }
    return Math.max(beyond, Math.min(bottom, height)) - top;
  }

  /** Loads rows [from, to); {@code at} is the index of the picture's row 0. */
  private static void rows(
      ForwardArgs args,
      int picture,
      int from,
      int to,
      int fromChannel,
      int toChannel,
      boolean stores,
      float[] scratch,
      int at,
      int row,
      int longRow) {
    if (from < to) {
      int first = at + from * row;
      Rows.load(
          args, picture, from, to, fromChannel, toChannel, stores, scratch, first, row, longRow);
    }
  }

  /** Panels of the output's channels, of which a part is some. */
  private static int panels(Convolution op, boolean winograd) {
    if (op.isDepthwise()) {
      return ConvolutionGeometry.outStride(op) / Lanes.LANES;
    }
    return winograd ? WinogradWeights.panels(op.outChannels()) : ConvolutionForward.panels(op);
  }

  private static int panelVector(Convolution op, boolean winograd, int panel) {
    if (op.isDepthwise()) {
      return panel;
    }
    return winograd
        ? WinogradWeights.firstVector(op.outChannels(), panel)
        : ConvolutionForward.firstVector(op, panel);
  }

  /** Max pooling, and the shortcut as a stage of its own. */
  private static void channelwise(
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
    int out = ScratchLayout.output(stage);
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
        int width = op.outputWidth();
        store(
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
  private static void padding(
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
    int first = Bands.bound(height, part, parts);
    int end = Bands.bound(height, part + 1, parts);
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
        store(args, region, picture, band * width, next * width, 0, vectors, begins, scratch, out);
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
              op, picture, first, end, fromChannel, toChannel, args.argmax(), scratch, act, out);
      case Operator.AveragePooling op ->
          Averages.forward(op, first, end, fromChannel, toChannel, scratch, act, out);
      case Resample op -> Resampler.forward(op, first, end, scratch, act, out);
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

  private static void average(
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
      store(args, region, picture, 0, 1, firstVector, endVector, picture == from, scratch, out);
    }
  }

  /**
   * Adds what is added to an operator's output, and writes it with its sums: pixels {@code [first,
   * end)} and vectors {@code [firstVector, endVector)}.
   *
   * @param begins whether these are the leaf's first
   * @param out index in scratch of the first pixel
   */
  static void store(
      ForwardArgs args,
      int region,
      int picture,
      int first,
      int end,
      int firstVector,
      int endVector,
      boolean begins,
      float[] scratch,
      int out) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    int channels = map.channels();
    int fromChannel = firstVector * Lanes.LANES;
    int toChannel = Math.min(channels, endVector * Lanes.LANES);
    int rows = ScratchLayout.outputRows(stage);
    ForwardArgs.ResidualArgs buffers = args.residual();
    boolean plain = ScratchLayout.isPlain(stage.residual());
    MemorySegment residual = plain && buffers != null ? buffers.x() : null;
    MemorySegment statistics = stage.statistics() ? args.statistics() : null;
    long at = region * Partials.statisticsBytes(channels);
    if (!plain) {
      addShortcut(args, picture, first, end, scratch, out);
    }
    if (statistics != null && begins) {
      long value = picture * map.bytes() + 4L * first * channels;
      OutputWriter.shift(channels, fromChannel, toChannel, residual, value, scratch, out, rows);
      OutputWriter.begin(channels, fromChannel, toChannel, scratch, rows, statistics, at);
    }
    OutputWriter.write(
        map,
        stage.layout(),
        picture,
        first,
        end,
        fromChannel,
        toChannel,
        scratch,
        out,
        rows,
        residual,
        args.y(),
        statistics != null);
    if (statistics != null) {
      OutputWriter.flush(
          channels, fromChannel, toChannel, end - first, scratch, rows, statistics, at);
    }
  }

  /** Adds a shortcut that has an activation or a transform. */
  private static void addShortcut(
      ForwardArgs args, int picture, int first, int end, float[] scratch, int out) {
    Stage stage = args.stage();
    Stage.Residual residual = stage.residual();
    ForwardArgs.ResidualArgs buffers = args.residual();
    if (residual == null || buffers == null) {
      return;
    }
    Resample transform = residual.transform();
    FeatureMap map = transform.input();
    int at = ScratchLayout.shortcut(stage);
    int stride = Lanes.roundUp(transform.outputChannels());
    int width = transform.outputWidth();
    if (transform.stride() == 1) {
      shortcut(args, residual, buffers, picture, first, end, scratch, at);
      Resampler.addPixels(transform, end - first, scratch, at, out);
      return;
    }
    int firstRow = first / width;
    int endRow = end / width;
    int top = firstRow * transform.stride();
    int bottom = Math.min(map.height(), endRow * transform.stride());
    shortcut(
        args, residual, buffers, picture, top * map.width(), bottom * map.width(), scratch, at);
    Resampler.add(
        transform,
        firstRow,
        endRow,
        scratch,
        at - top * map.width() * map.channels(),
        out - firstRow * width * stride);
  }

  private static void shortcut(
      ForwardArgs args,
      Stage.Residual residual,
      ForwardArgs.ResidualArgs buffers,
      int picture,
      int first,
      int end,
      float[] scratch,
      int at) {
    FeatureMap map = residual.transform().input();
    ActivationLoader.load(
        residual.activation(),
        StoreFormat.NONE,
        map,
        picture,
        first,
        end,
        0,
        map.channels(),
        buffers.x(),
        null,
        scratch,
        ScratchLayout.shortcutTable(args.stage()),
        at);
  }
}
