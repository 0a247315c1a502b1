package dev.nibble.kernels.scalar;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ConvolutionEnds;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * What comes before and after a stage's operator, through a thread's scratch.
 *
 * <p>Scratch forward: activation, output, shortcut. Scratch backward: gradient of the output,
 * activation, gradient of the activation, gradient of the weights.
 */
final class ScalarEnds implements ConvolutionEnds {
  /** Floats that both passes fit in. */
  static int scratchFloats(Stage stage) {
    Stage.Residual residual = stage.residual();
    int in = stage.input().values();
    int out = stage.output().values();
    int shortcut = residual == null ? 0 : residual.transform().input().values();
    return Math.max(in + out + shortcut, out + in + in + stage.operator().weights());
  }

  /** Index of the gradient of the weights. */
  static int weightGradientAt(Stage stage) {
    return stage.output().values() + 2 * stage.input().values();
  }

  @Override
  public int activationAt(Stage stage) {
    return 0;
  }

  @Override
  public int restoredAt(Stage stage) {
    return stage.output().values();
  }

  @Override
  public int activationRow(Stage stage) {
    return stage.input().width() * stage.input().channels();
  }

  @Override
  public int productAt(Stage stage) {
    return stage.input().values();
  }

  @Override
  public int productPixel(Stage stage) {
    return stage.output().channels();
  }

  @Override
  public int gradientAt(Stage stage) {
    return 0;
  }

  @Override
  public int gradientRow(Stage stage) {
    return stage.output().width() * stage.output().channels();
  }

  @Override
  public int dataAt(Stage stage) {
    return stage.output().values() + stage.input().values();
  }

  @Override
  public int dataPixel(Stage stage) {
    return stage.input().channels();
  }

  @Override
  public void startForward(ForwardArgs args, int shard, int from, int to, float[] scratch) {
    Objects.checkFromToIndex(from, to, args.batch());
    checkScratch(args.stage(), scratch);
    ScalarOutput.clearStatistics(args, shard);
  }

  @Override
  public void loadActivation(ForwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    ScalarActivation.forward(
        stage.activation(),
        stage.input(),
        picture,
        args.x(),
        args.table(),
        args.store(),
        scratch,
        activationAt(stage));
  }

  @Override
  public void storeOutput(
      ForwardArgs args, int shard, int picture, boolean first, float[] scratch) {
    FeatureMap map = args.stage().output();
    int out = productAt(args.stage());
    int shortcut = out + map.values();
    ScalarOutput.addBias(args, scratch, out);
    ScalarOutput.addShortcut(args, picture, scratch, shortcut, out);
    Floats.store(scratch, out, map.values(), args.y(), picture);
    ScalarOutput.addStatistics(args, shard, first, scratch, out);
  }

  @Override
  public void startBackward(BackwardArgs args, int shard, int from, int to, float[] scratch) {
    Objects.checkFromToIndex(from, to, args.batch());
    checkScratch(args.stage(), scratch);
    ScalarParameters.clear(args, shard);
  }

  @Override
  public void loadGradient(BackwardArgs args, int shard, int picture, float[] scratch) {
    int dy = gradientAt(args.stage());
    int values = args.stage().output().values();
    Arrays.fill(scratch, dy, dy + values, 0f);
    ScalarGradient.addAll(args.outputTerms(), picture, scratch, dy);
    MemorySegment gradientOut = args.gradientOut();
    if (gradientOut != null) {
      Floats.store(scratch, dy, values, gradientOut, picture);
    }
    ScalarParameters.addBias(args, shard, scratch, dy);
  }

  @Override
  public void restoreActivation(BackwardArgs args, int picture, float[] scratch) {
    Stage stage = args.stage();
    ScalarActivation.restore(
        stage.activation(),
        stage.input(),
        picture,
        args.x(),
        args.table(),
        args.store(),
        scratch,
        restoredAt(stage));
  }

  @Override
  public void storeGradient(BackwardArgs args, int shard, int picture, float[] scratch) {
    int data = dataAt(args.stage());
    MemorySegment dx = args.dx();
    ScalarGradient.addAll(args.activationTerms(), picture, scratch, data);
    ScalarMask.apply(args, shard, picture, scratch, data);
    if (dx != null) {
      Floats.store(scratch, data, args.stage().input().values(), dx, picture);
    }
  }

  @Override
  public void endBackward(BackwardArgs args, int shard, float[] scratch) {
    // Every sum is added to its region as its picture comes.
  }

  private static void checkScratch(Stage stage, float[] scratch) {
    checkLength(scratch, scratchFloats(stage), "scratch holds");
  }

  static void checkLength(float[] array, int floats, String what) {
    if (array.length < floats) {
      throw new IllegalArgumentException(
          "The " + what + " " + array.length + " floats, but the stage needs " + floats);
    }
  }
}
