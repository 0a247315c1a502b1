package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.ProductOffload;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.ActivationRestorer;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.passes.Bands;
import dev.nibble.kernels.vector.passes.BiasGradient;
import dev.nibble.kernels.vector.passes.DataPass;
import dev.nibble.kernels.vector.passes.ForwardOutput;
import dev.nibble.kernels.vector.passes.ForwardPass;
import dev.nibble.kernels.vector.passes.GradientLoader;
import dev.nibble.kernels.vector.passes.Rows;
import dev.nibble.kernels.vector.passes.ScratchLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * The passes' parts by themselves, for whole pictures: behind the passes' own regions of the
 * scratch lie the activation and the product, or the bias, the output's gradient, the restored
 * activation and the input's gradient.
 */
final class VectorOffload implements ProductOffload {
  @Override
  public int scratchFloats(Stage stage) {
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    long pixel = productPixel(stage);
    long forward = activationEnd(stage) + out.pixels() * pixel;
    long data = (long) in.pixels() * dataPixel(stage);
    return ScratchLayout.checked(Math.max(forward, dataStart(stage) + data));
  }

  private static int activationStart(Stage stage) {
    return ScratchLayout.forwardWork(stage);
  }

  private static long activationEnd(Stage stage) {
    return activationStart(stage) + stage.input().values() + (long) Lanes.LANES;
  }

  private static int biasStart(Stage stage) {
    return ScratchLayout.gradient(stage);
  }

  private static long restoredStart(Stage stage) {
    int bias = Lanes.roundUp(stage.output().channels());
    return biasStart(stage) + bias + stage.output().values() + (long) Lanes.LANES;
  }

  private static long dataStart(Stage stage) {
    return restoredStart(stage) + stage.input().values() + Lanes.LANES;
  }

  @Override
  public int activationAt(Stage stage) {
    return activationStart(stage);
  }

  @Override
  public int restoredAt(Stage stage) {
    return (int) restoredStart(stage);
  }

  @Override
  public int activationRow(Stage stage) {
    return stage.input().width() * stage.input().channels();
  }

  @Override
  public int productAt(Stage stage) {
    return (int) activationEnd(stage);
  }

  @Override
  public int productPixel(Stage stage) {
    return Lanes.roundUp(stage.output().channels());
  }

  @Override
  public int gradientAt(Stage stage) {
    return biasStart(stage) + Lanes.roundUp(stage.output().channels());
  }

  @Override
  public int gradientRow(Stage stage) {
    return stage.output().width() * stage.output().channels();
  }

  @Override
  public int dataAt(Stage stage) {
    return (int) dataStart(stage);
  }

  @Override
  public int dataPixel(Stage stage) {
    return Lanes.roundUp(stage.input().channels());
  }

  private void check(Stage stage, int batch, int from, int to, float[] scratch) {
    Objects.checkFromToIndex(from, to, batch);
    VectorKernels.checkLength(scratch, scratchFloats(stage), "scratch holds");
  }

  @Override
  public void startForward(ForwardArgs args, int region, int from, int to, float[] scratch) {
    check(args.stage(), args.batch(), from, to, scratch);
    VectorKernels.checkStatistics(args, region);
    ForwardPass.start(args, region, scratch);
  }

  @Override
  public void loadActivation(ForwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    int pixels = stage.input().pixels();
    Rows.load(args, picture, 0, pixels, true, scratch, activationStart(stage));
  }

  @Override
  public void storeOutput(
      ForwardArgs args, int region, int picture, boolean first, float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    int vectors = productPixel(stage) / Lanes.LANES;
    // A shortcut's tile has room for a band.
    int band =
        ScratchLayout.isFlat(stage)
            ? Bands.forwardRun(stage)
            : Bands.forwardRows(stage) * map.width();
    for (int pixel = 0; pixel < map.pixels(); pixel += band) {
      int end = Math.min(map.pixels(), pixel + band);
      int out = productAt(stage) + pixel * productPixel(stage);
      ForwardOutput.store(
          args, region, picture, pixel, end, 0, vectors, first && pixel == 0, scratch, out);
    }
  }

  @Override
  public void startBackward(BackwardArgs args, int from, int to, float[] scratch) {
    Stage stage = args.stage();
    check(stage, args.batch(), from, to, scratch);
    TableRows.load(stage.activation(), args.table(), stage.input().channels(), scratch, 0);
    GradientLoader.start(args.outputTerms(), scratch, ScratchLayout.termTable(stage));
    Arrays.fill(scratch, ScratchLayout.sums(stage), gradientAt(stage), 0f);
  }

  @Override
  public void clearSums(BackwardArgs args, int region) {
    VectorKernels.checkSums(args, region);
    DataPass.clearSums(args, region);
  }

  @Override
  public void loadGradient(
      BackwardArgs args, boolean summed, int picture, boolean bias, float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.output();
    int channels = map.channels();
    int dy = gradientAt(stage);
    MemorySegment gradientOut = args.gradientOut();
    if (summed && gradientOut != null) {
      MemorySegment.copy(gradientOut, JAVA_FLOAT, picture * map.bytes(), scratch, dy, map.values());
    } else {
      List<GradientTerm> terms = args.outputTerms();
      GradientLoader.load(
          terms,
          map,
          picture,
          0,
          map.pixels(),
          0,
          channels,
          scratch,
          ScratchLayout.termTable(stage),
          dy,
          channels);
      if (gradientOut != null && !GradientLoader.isInPlace(args, gradientOut)) {
        MemorySegment.copy(
            scratch, dy, gradientOut, JAVA_FLOAT, picture * map.bytes(), map.values());
      }
    }
    if (bias && stage.hasBias()) {
      BiasGradient.add(1, map.pixels(), channels, scratch, dy, 0, biasStart(stage));
    }
  }

  @Override
  public void restoreActivation(BackwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    FeatureMap map = stage.input();
    int channels = map.channels();
    ActivationRestorer.restore(
        stage.activation(),
        map,
        picture,
        0,
        map.pixels(),
        0,
        channels,
        args.x(),
        args.store(),
        scratch,
        0,
        restoredAt(stage),
        channels);
  }

  @Override
  public void storeGradient(BackwardArgs args, int region, int picture, float[] scratch) {
    Stage stage = args.stage();
    int vectors = dataPixel(stage) / Lanes.LANES;
    DataPass.finish(
        args, region, picture, 0, stage.input().pixels(), 0, vectors, scratch, dataAt(stage));
  }

  @Override
  public void storeBias(BackwardArgs args, int region, float[] scratch) {
    Stage stage = args.stage();
    if (stage.hasBias()) {
      VectorKernels.checkWeights(args, region);
      long at = region * Partials.weightBytes(stage) + Partials.bias(stage);
      MemorySegment target = Objects.requireNonNull(args.gradients());
      int channels = stage.output().channels();
      MemorySegment.copy(scratch, biasStart(stage), target, JAVA_FLOAT, at, channels);
    }
  }
}
