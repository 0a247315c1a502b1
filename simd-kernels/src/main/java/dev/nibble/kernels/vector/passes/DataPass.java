package dev.nibble.kernels.vector.passes;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.ChannelSums;
import dev.nibble.kernels.vector.activation.GradientFinisher;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * A leaf of the backward pass to a stage's input: band by band, load the output's gradient,
 * operator, mask, store. What neighbouring bands of a picture share stays in scratch.
 */
public final class DataPass {
  private DataPass() {}

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
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    start(args, terms, region, scratch);
    switch (stage.operator()) {
      case Convolution op -> {
        if (ConvolutionGeometry.isFlat(op)) {
          FlatBackward.run(
              args, terms, op, false, true, region, from, to, part, parts, packed, scratch);
        } else {
          WindowData.run(
              args, terms, op, algorithms, region, from, to, part, parts, packed, scratch);
        }
      }
      case GroupNorm op -> {
        // Its sums are those of a whole picture, or leave little to cut.
        if (part == 0) {
          GroupNormBackward.run(args, terms, null, false, true, region, from, to, scratch);
        }
      }
      default -> ChannelwiseData.run(args, terms, region, from, to, part, parts, scratch);
    }
  }

  /** Leaves the sum of the terms in the gradient's buffer, for pixels of a part. */
  public static void sum(
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
  public static void clearSums(BackwardArgs args, int region) {
    long at = region * Partials.sumBytes(args.stage());
    for (int c = 0; c < Partials.sumRows(args.stage()) * args.stage().input().channels(); c++) {
      args.sums().set(JAVA_DOUBLE, at + 8L * c, 0);
    }
  }

  /**
   * Adds the activation's terms, masks, writes d and flushes its sums: pixels {@code [first, end)}
   * and vectors {@code [firstVector, endVector)}.
   *
   * @param data index in scratch of the first pixel
   */
  public static void finish(
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
