package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionForward;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import dev.nibble.kernels.vector.winograd.WinogradWeights;
import java.util.Arrays;

/**
 * The forward pass of convolutions whose windows meet several pixels: bands of rows and what is
 * above and below them.
 */
final class WindowForward {
  private WindowForward() {}

  /** Runs a part of a leaf. */
  static void run(
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
    boolean gathers = algorithms.gathers(stage);
    int step = Bands.forwardStep(stage);
    int height = op.outputHeight();
    int panels = panels(op, winograd);
    boolean byRows = !gathers && Bands.byRows(height, step, panels, parts);
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
    if (gathers) {
      int portion = part * Cut.PORTIONS / parts;
      int portionVector = WinogradWeights.portionVector(op.outChannels(), portion, Cut.PORTIONS);
      int portionEnd = WinogradWeights.portionVector(op.outChannels(), portion + 1, Cut.PORTIONS);
      runGathered(
          args,
          op,
          region,
          from,
          to,
          firstVector,
          endVector,
          portionVector,
          portionEnd,
          packed,
          scratch);
      return;
    }
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
        ForwardOutput.store(
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

  /** Some small pictures at a time, so that their weights are read once. */
  private static void runGathered(
      ForwardArgs args,
      Convolution op,
      int region,
      int from,
      int to,
      int firstVector,
      int endVector,
      int portionVector,
      int portionEnd,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    int height = op.outputHeight();
    int width = op.outputWidth();
    int inChannels = op.input().channels();
    int outChannels = op.outChannels();
    int tile = ScratchLayout.tile(stage);
    int work = ScratchLayout.forwardWork(stage);
    int out = ScratchLayout.output(stage);
    int pictures = ScratchLayout.gathered(op);
    for (int picture = from; picture < to; picture += pictures) {
      int count = Math.min(pictures, to - picture);
      for (int i = 0; i < count; i++) {
        loadWindow(
            args,
            op,
            picture + i,
            0,
            height,
            0,
            height,
            true,
            0,
            0,
            firstVector == 0,
            0,
            inChannels,
            scratch);
        WinogradProduct.gather(
            i, pictures, height, width, inChannels, scratch, tile, scratch, work);
      }
      int v;
      for (int vector = firstVector; vector < endVector; vector += v) {
        v = WinogradProduct.panel(outChannels, vector);
        WinogradProduct.multiplyGathered(
            count,
            pictures,
            height,
            width,
            inChannels,
            outChannels,
            vector,
            portionVector,
            portionEnd,
            packed,
            scratch,
            work);
        for (int i = 0; i < count; i++) {
          WinogradProduct.backGathered(
              i,
              count,
              pictures,
              height,
              width,
              inChannels,
              outChannels,
              vector,
              scratch,
              work,
              scratch,
              out);
          ForwardOutput.store(
              args,
              region,
              picture + i,
              0,
              height * width,
              vector,
              vector + v,
              picture + i == from,
              scratch,
              out);
        }
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
}
