package dev.nibble.kernels.vector.passes;

import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.ActivationRestorer;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import dev.nibble.kernels.vector.normalization.GroupLoops;
import dev.nibble.kernels.vector.normalization.MomentRows;
import dev.nibble.kernels.vector.normalization.PixelLoops;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The backward pass of layer, group and instance norm, by runs of pixels: sums of the gradient, and
 * of its product with the normalised activation, make the gradients of shift and scale, and are
 * taken off the input's.
 *
 * <p>Scratch behind {@link ScratchLayout}'s tables and sums: output's gradient, activation, input's
 * gradient, all with whole vectors a pixel, and {@link MomentRows}.
 */
final class GroupNormBackward {
  private GroupNormBackward() {}

  private static long tileFloats(Stage stage) {
    return (long) Bands.dataRun(stage) * Lanes.roundUp(stage.input().channels());
  }

  private static int rows(Stage stage) {
    return (int) (ScratchLayout.gradient(stage) + 3 * tileFloats(stage));
  }

  /** Floats of all regions. */
  static long end(Stage stage) {
    return ScratchLayout.gradient(stage)
        + 3 * tileFloats(stage)
        + MomentRows.floats(stage.input().channels());
  }

  /**
   * Runs pictures {@code [from, to)}; tables and sums are loaded.
   *
   * @param terms what the output's gradient sums
   * @param sumTo where their sum is left; or null
   * @param weighs whether the gradients of scale and shift are left in region {@code weightRegion}
   * @param through whether the input's gradient is asked for, with its sums in {@code region}
   */
  static void run(
      BackwardArgs args,
      List<GradientTerm> terms,
      @Nullable MemorySegment sumTo,
      boolean weighs,
      boolean through,
      int region,
      int from,
      int to,
      float[] scratch) {
    Stage stage = args.stage();
    int channels = stage.input().channels();
    int pixels = stage.input().pixels();
    int run = Bands.dataRun(stage);
    int rows = rows(stage);
    GroupNorm op = (GroupNorm) stage.operator();
    MomentRows.start(op, args.weights(), scratch, rows);
    if (Lanes.roundUp(channels) > channels) {
      // The lanes behind the channels are summed, too.
      Arrays.fill(scratch, ScratchLayout.gradient(stage), rows, 0f);
    }
    for (int picture = from; picture < to; picture++) {
      if (op.byPixel()) {
        for (int pixel = 0; pixel < pixels; pixel += run) {
          int next = Math.min(pixels, pixel + run);
          load(args, terms, sumTo, picture, pixel, next, scratch);
          pixels(args, op, weighs, through, region, picture, pixel, next, scratch);
        }
      } else {
        picture(args, op, terms, sumTo, through, region, picture, scratch);
      }
    }
    MemorySegment gradients = args.gradients();
    if (weighs && op.affine() && gradients != null) {
      long at = region * Partials.weightBytes(stage);
      MomentRows.store(channels, scratch, rows, gradients, at);
    }
  }

  /** Loads a run's gradient, whose sum is left, and restores its activation. */
  private static void load(
      BackwardArgs args,
      List<GradientTerm> terms,
      @Nullable MemorySegment sumTo,
      int picture,
      int first,
      int end,
      float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int channels = map.channels();
    int stride = Lanes.roundUp(channels);
    int dy = ScratchLayout.gradient(stage);
    int tile = (int) (dy + tileFloats(stage));
    int table = ScratchLayout.termTable(stage);
    GradientLoader.load(terms, map, picture, first, end, 0, channels, scratch, table, dy, stride);
    if (sumTo != null && !GradientLoader.isInPlace(args, sumTo)) {
      long at = picture * map.bytes() + 4L * first * channels;
      Segments.copyOut(scratch, dy, stride, sumTo, at, channels, channels, end - first);
    }
    ActivationRestorer.restore(
        stage.activation(),
        map,
        picture,
        first,
        end,
        0,
        channels,
        args.x(),
        args.store(),
        scratch,
        0,
        tile,
        stride);
  }

  /** Layer norm of a run. */
  private static void pixels(
      BackwardArgs args,
      GroupNorm op,
      boolean weighs,
      boolean through,
      int region,
      int picture,
      int first,
      int end,
      float[] scratch) {
    Stage stage = args.stage();
    int channels = op.input().channels();
    int count = end - first;
    int dy = ScratchLayout.gradient(stage);
    int tile = (int) (dy + tileFloats(stage));
    int data = (int) (tile + tileFloats(stage));
    int rows = rows(stage);
    MemorySegment saved = requireNonNull(args.saved());
    long at = picture * op.savedBytes() + 8L * first;
    if (weighs && op.affine()) {
      PixelLoops.addSums(channels, count, scratch, tile, dy, rows, saved, at);
      MomentRows.addToLeaf(channels, scratch, rows);
    }
    if (through) {
      PixelLoops.backward(channels, count, scratch, tile, dy, rows, data, saved, at);
      finish(args, region, picture, first, end, scratch, data);
    }
  }

  /** Group norm of a picture, which is read twice if it is more than a run. */
  private static void picture(
      BackwardArgs args,
      GroupNorm op,
      List<GradientTerm> terms,
      @Nullable MemorySegment sumTo,
      boolean through,
      int region,
      int picture,
      float[] scratch) {
    Stage stage = args.stage();
    int channels = op.input().channels();
    int pixels = op.input().pixels();
    int run = Bands.dataRun(stage);
    int dy = ScratchLayout.gradient(stage);
    int tile = (int) (dy + tileFloats(stage));
    int data = (int) (tile + tileFloats(stage));
    int rows = rows(stage);
    MemorySegment saved = requireNonNull(args.saved());
    GroupLoops.load(op, scratch, rows, saved, picture * op.savedBytes());
    for (int pixel = 0; pixel < pixels; pixel += run) {
      int next = Math.min(pixels, pixel + run);
      load(args, terms, sumTo, picture, pixel, next, scratch);
      GroupLoops.addSums(channels, next - pixel, scratch, tile, dy, rows);
    }
    GroupLoops.finishSums(op, scratch, rows);
    MomentRows.addToLeaf(channels, scratch, rows);
    for (int pixel = 0; through && pixel < pixels; pixel += run) {
      int next = Math.min(pixels, pixel + run);
      if (run < pixels) {
        load(args, sumTo == null ? terms : args.summed(), null, picture, pixel, next, scratch);
      }
      GroupLoops.backward(channels, next - pixel, scratch, tile, dy, rows, data);
      finish(args, region, picture, pixel, next, scratch, data);
    }
  }

  private static void finish(
      BackwardArgs args, int region, int picture, int first, int end, float[] scratch, int data) {
    int vectors = Lanes.roundUp(args.stage().input().channels()) / Lanes.LANES;
    DataPass.finish(args, region, picture, first, end, 0, vectors, scratch, data);
  }
}
