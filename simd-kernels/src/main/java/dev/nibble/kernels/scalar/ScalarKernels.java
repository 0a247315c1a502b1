package dev.nibble.kernels.scalar;

import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.SgdArgs;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * The whole table as plain loops over one picture at a time: activation, operator, shortcut and
 * sums follow each other through a thread's scratch, so every step can be read next to its formula.
 *
 * <p>Scratch forward: activation, output, shortcut. Scratch backward: gradient of the output,
 * activation, gradient of the activation, gradient of the weights.
 */
public final class ScalarKernels implements Kernels {
  /** Creates the provider; it holds no state. */
  public ScalarKernels() {}

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public String description() {
    return "scalar (plain Java)";
  }

  @Override
  public int packedFloats(Stage stage) {
    return stage.operator().weights();
  }

  @Override
  public int scratchFloats(Stage stage) {
    Stage.Residual residual = stage.residual();
    int in = stage.input().values();
    int out = stage.output().values();
    int shortcut = residual == null ? 0 : residual.transform().input().values();
    return Math.max(in + out + shortcut, out + in + in + stage.operator().weights());
  }

  @Override
  public void packForward(ForwardArgs args, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights != null) {
      checkPacked(args.stage(), packed);
      Floats.load(weights, 0, args.stage().operator().weights(), packed, 0);
    }
  }

  @Override
  public void packBackward(BackwardArgs args, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights == null) {
      return;
    }
    checkPacked(args.stage(), packed);
    if (args.stage().operator() instanceof Operator.Convolution convolution) {
      ScalarConvolution.transpose(convolution, weights, packed);
    } else {
      Floats.load(weights, 0, args.stage().operator().weights(), packed, 0);
    }
  }

  @Override
  public void forward(
      ForwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    Stage stage = args.stage();
    Objects.checkFromToIndex(from, to, args.batch());
    checkPacked(stage, packed);
    checkScratch(stage, scratch);
    FeatureMap in = stage.input();
    int act = 0;
    int out = in.values();
    int shortcut = out + stage.output().values();
    ScalarOutput.clearStatistics(args, shard);
    for (int picture = from; picture < to; picture++) {
      ScalarActivation.forward(
          stage.activation(), in, picture, args.x(), args.table(), args.store(), scratch, act);
      Arrays.fill(scratch, out, shortcut, 0f);
      switch (stage.operator()) {
        case Operator.Convolution op ->
            ScalarConvolution.forward(op, packed, scratch, act, scratch, out);
        case Operator.DepthwiseConvolution op ->
            ScalarDepthwise.forward(op, packed, scratch, act, out);
        case Operator.MaxPooling op ->
            ScalarPooling.max(op, picture, args.argmax(), scratch, act, out);
        case Operator.GlobalAveragePooling op -> ScalarPooling.average(op, scratch, act, out);
        case Operator.Resample op -> ScalarResample.add(op, scratch, act, out);
      }
      ScalarOutput.addBias(args, scratch, out);
      ScalarOutput.addShortcut(args, picture, scratch, shortcut, out);
      Floats.store(scratch, out, stage.output().values(), args.y(), picture);
      ScalarOutput.addStatistics(args, shard, picture == from, scratch, out);
    }
  }

  @Override
  public void backward(
      BackwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    Stage stage = args.stage();
    Objects.checkFromToIndex(from, to, args.batch());
    checkPacked(stage, packed);
    checkScratch(stage, scratch);
    int inValues = stage.input().values();
    int outValues = stage.output().values();
    int act = outValues;
    int da = act + inValues;
    int dw = da + inValues;
    MemorySegment gradientOut = args.gradientOut();
    MemorySegment dx = args.dx();
    ScalarParameters.clear(args, shard);
    for (int picture = from; picture < to; picture++) {
      Arrays.fill(scratch, 0, outValues, 0f);
      ScalarGradient.addAll(args.outputTerms(), picture, scratch, 0);
      if (gradientOut != null) {
        Floats.store(scratch, 0, outValues, gradientOut, picture);
      }
      ScalarParameters.addBias(args, shard, scratch, 0);
      if (stage.needsInputValues()) {
        ScalarActivation.restore(
            stage.activation(),
            stage.input(),
            picture,
            args.x(),
            args.table(),
            args.store(),
            scratch,
            act);
        ScalarParameters.addWeights(args, shard, scratch, 0, act, dw);
      }
      if (dx == null && !stage.activation().normalize()) {
        continue;
      }
      Arrays.fill(scratch, da, dw, 0f);
      switch (stage.operator()) {
        case Operator.Convolution op -> ScalarConvolution.backwardData(op, packed, scratch, 0, da);
        case Operator.DepthwiseConvolution op ->
            ScalarDepthwise.backwardData(op, packed, scratch, 0, da);
        case Operator.MaxPooling op ->
            ScalarPooling.maxBackward(op, picture, args.argmax(), scratch, 0, da);
        case Operator.GlobalAveragePooling op -> ScalarPooling.averageBackward(op, scratch, 0, da);
        case Operator.Resample op -> ScalarResample.backward(op, scratch, 0, da);
      }
      ScalarGradient.addAll(args.activationTerms(), picture, scratch, da);
      ScalarMask.apply(args, shard, picture, scratch, da);
      if (dx != null) {
        Floats.store(scratch, da, inValues, dx, picture);
      }
    }
  }

  @Override
  public void input(InputArgs args, int from, int to) {
    Objects.checkFromToIndex(from, to, args.batch());
    for (int picture = from; picture < to; picture++) {
      ScalarInput.picture(args, picture);
    }
  }

  @Override
  public void loss(LossArgs args, int count) {
    Objects.checkFromToIndex(0, count, args.batch());
    ScalarLoss.loss(args, count);
  }

  @Override
  public void sgd(SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    Objects.checkFromToIndex(from, to, args.size());
    ScalarOptimizer.sgd(args, from, to, rate, momentum, weightDecay);
  }

  @Override
  public void nesterov(
      SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    Objects.checkFromToIndex(from, to, args.size());
    ScalarOptimizer.nesterov(args, from, to, rate, momentum, weightDecay);
  }

  @Override
  public void adamW(
      AdamWArgs args,
      int from,
      int to,
      float rate,
      float weightDecay,
      double correction1,
      double correction2) {
    Objects.checkFromToIndex(from, to, args.size());
    ScalarOptimizer.adamW(args, from, to, rate, weightDecay, correction1, correction2);
  }

  @Override
  public void blend(BlendArgs args, int from, int to, float keep, float add) {
    Objects.checkFromToIndex(from, to, args.size());
    ScalarOptimizer.blend(args, from, to, keep, add);
  }

  @Override
  public double sumOfSquares(MemorySegment values, int from, int to) {
    Objects.checkFromToIndex(4L * from, 4L * to, values.byteSize());
    return ScalarOptimizer.sumOfSquares(values, from, to);
  }

  private void checkPacked(Stage stage, float[] packed) {
    checkLength(packed, packedFloats(stage), "packed weights hold");
  }

  private void checkScratch(Stage stage, float[] scratch) {
    checkLength(scratch, scratchFloats(stage), "scratch holds");
  }

  private static void checkLength(float[] array, int floats, String what) {
    if (array.length < floats) {
      throw new IllegalArgumentException(
          "The " + what + " " + array.length + " floats, but the stage needs " + floats);
    }
  }
}
