package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.activation.ActivationLoader;
import dev.nibble.kernels.vector.activation.OutputWriter;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;

/**
 * What follows every operator of a forward pass: the shortcut is added, the output written with its
 * sums.
 */
public final class ForwardOutput {
  private ForwardOutput() {}

  /**
   * Adds what is added to an operator's output, and writes it with its sums: pixels {@code [first,
   * end)} and vectors {@code [firstVector, endVector)}.
   *
   * @param begins whether these are the leaf's first
   * @param out index in scratch of the first pixel
   */
  public static void store(
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
