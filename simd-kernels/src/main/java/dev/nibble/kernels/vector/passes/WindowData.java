package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardData;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import dev.nibble.kernels.vector.winograd.WinogradWeights;
import java.util.Arrays;
import java.util.List;

/**
 * The backward pass to the input of convolutions whose windows meet several pixels: bands of rows
 * and the gradient around them.
 */
final class WindowData {
  private WindowData() {}

  /** Runs a part of a leaf. */
  static void run(
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
    boolean winograd = algorithms.backwardData(stage);
    boolean gathers = algorithms.gathers(stage);
    FeatureMap map = stage.input();
    int height = map.height();
    int step = Bands.step(stage, map.width());
    int channels = map.channels();
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
    // Each channel of a depthwise gradient sees itself alone.
    int fromChannel = op.isDepthwise() ? firstVector * Lanes.LANES : 0;
    int toChannel =
        op.isDepthwise() ? Math.min(channels, endVector * Lanes.LANES) : op.outChannels();
    int rows = Bands.dataRows(stage);
    int dy = ScratchLayout.gradient(stage);
    int data = ScratchLayout.data(stage);
    int work = ScratchLayout.dataWork(stage);
    Arrays.fill(scratch, dy, data, 0f);
    if (gathers) {
      int portion = part * Cut.PORTIONS / parts;
      int portionVector = WinogradWeights.portionVector(channels, portion, Cut.PORTIONS);
      int portionEnd = WinogradWeights.portionVector(channels, portion + 1, Cut.PORTIONS);
      runGathered(
          args,
          terms,
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

  /** Some small pictures at a time, so that their weights are read once. */
  private static void runGathered(
      BackwardArgs args,
      List<GradientTerm> terms,
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
    int height = op.input().height();
    int width = op.input().width();
    int inChannels = op.outChannels();
    int outChannels = op.input().channels();
    int dy = ScratchLayout.gradient(stage);
    int work = ScratchLayout.dataWork(stage);
    int data = ScratchLayout.data(stage);
    int pictures = ScratchLayout.gatheredData(op);
    for (int picture = from; picture < to; picture += pictures) {
      int count = Math.min(pictures, to - picture);
      for (int i = 0; i < count; i++) {
        loadWindow(args, terms, op, picture + i, 0, height, true, 0, 0, 0, inChannels, scratch);
        WinogradProduct.gather(i, pictures, height, width, inChannels, scratch, dy, scratch, work);
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
              data);
          DataPass.finish(
              args, region, picture + i, 0, height * width, vector, vector + v, scratch, data);
        }
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
}
