package dev.nibble.kernels.scalar;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.ProductOffload;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * What comes before and after a stage's operator, through a thread's scratch.
 *
 * <p>Scratch forward: activation, output, shortcut. Scratch backward: gradient of the output,
 * activation, gradient of the activation, gradient of the weights, of the bias.
 */
final class ScalarOffload implements ProductOffload {
  @Override
  public int scratchFloats(Stage stage) {
    Stage.Residual residual = stage.residual();
    int in = stage.input().values();
    int out = stage.output().values();
    int shortcut = residual == null ? 0 : residual.transform().input().values();
    int weights = stage.operator().weights() + (stage.hasBias() ? stage.output().channels() : 0);
    return Math.max(in + out + shortcut, out + in + in + weights);
  }

  /** Index of the gradient of the bias. */
  private static int biasAt(Stage stage) {
    return weightGradientAt(stage) + stage.operator().weights();
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
  public void startForward(ForwardArgs args, int region, int from, int to, float[] scratch) {
    Objects.checkFromToIndex(from, to, args.batch());
    checkScratch(args.stage(), scratch);
    ScalarOutput.clearStatistics(args, region);
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
      ForwardArgs args, int region, int picture, boolean first, float[] scratch) {
    FeatureMap map = args.stage().output();
    int out = productAt(args.stage());
    int shortcut = out + map.values();
    ScalarOutput.addBias(args, scratch, out);
    ScalarOutput.addShortcut(args, picture, scratch, shortcut, out);
    ScalarOutput.store(args, picture, scratch, out);
    ScalarOutput.addStatistics(args, region, first, scratch, out);
  }

  @Override
  public void startBackward(BackwardArgs args, int from, int to, float[] scratch) {
    Stage stage = args.stage();
    Objects.checkFromToIndex(from, to, args.batch());
    checkScratch(stage, scratch);
    if (stage.hasBias()) {
      Arrays.fill(scratch, biasAt(stage), biasAt(stage) + stage.output().channels(), 0f);
    }
  }

  @Override
  public void clearSums(BackwardArgs args, int region) {
    ScalarMask.clear(args, region);
  }

  @Override
  public void loadGradient(
      BackwardArgs args, boolean summed, int picture, boolean bias, float[] scratch) {
    Stage stage = args.stage();
    int dy = gradientAt(stage);
    int values = stage.output().values();
    Arrays.fill(scratch, dy, dy + values, 0f);
    ScalarGradient.addAll(summed ? args.summed() : args.outputTerms(), picture, scratch, dy);
    MemorySegment gradientOut = args.gradientOut();
    if (gradientOut != null && !summed) {
      Floats.store(scratch, dy, values, gradientOut, picture);
    }
    if (bias && stage.hasBias()) {
      ScalarParameters.addBias(stage.output(), scratch, dy, biasAt(stage));
    }
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
  public void storeGradient(BackwardArgs args, int region, int picture, float[] scratch) {
    int data = dataAt(args.stage());
    MemorySegment dx = args.dx();
    ScalarGradient.addAll(args.activationTerms(), picture, scratch, data);
    ScalarMask.apply(args, region, picture, scratch, data);
    if (dx != null) {
      Floats.store(scratch, data, args.stage().input().values(), dx, picture);
    }
  }

  @Override
  public void storeBias(BackwardArgs args, int region, float[] scratch) {
    if (args.stage().hasBias()) {
      ScalarParameters.storeBias(args, region, scratch, biasAt(args.stage()));
    }
  }

  private void checkScratch(Stage stage, float[] scratch) {
    checkLength(scratch, scratchFloats(stage), "scratch holds");
  }

  static void checkLength(float[] array, int floats, String what) {
    if (array.length < floats) {
      throw new IllegalArgumentException(
          "The " + what + " " + array.length + " floats, but the stage needs " + floats);
    }
  }
}
