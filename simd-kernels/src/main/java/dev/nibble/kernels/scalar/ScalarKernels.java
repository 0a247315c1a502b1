package dev.nibble.kernels.scalar;

import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.ProductOffload;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.SgdArgs;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * All kernels as plain loops over one picture at a time: activation, operator, shortcut and sums
 * follow each other through a thread's scratch, so every step can be read next to its formula.
 */
public final class ScalarKernels implements HostKernels {
  private final ScalarOffload offload = new ScalarOffload();

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
    return offload.scratchFloats(stage);
  }

  @Override
  public ProductOffload offload() {
    return offload;
  }

  @Override
  public void packForward(ForwardArgs args, int unit, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights != null) {
      checkPacked(args.stage(), packed);
      Objects.checkIndex(unit, 1);
      Floats.load(weights, 0, args.stage().operator().weights(), packed, 0);
    }
  }

  @Override
  public void packBackward(BackwardArgs args, int unit, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights == null) {
      return;
    }
    checkPacked(args.stage(), packed);
    Objects.checkIndex(unit, 1);
    if (args.stage().operator() instanceof Operator.Convolution convolution
        && !convolution.isDepthwise()) {
      ScalarConvolution.transpose(convolution, weights, packed);
    } else {
      Floats.load(weights, 0, args.stage().operator().weights(), packed, 0);
    }
  }

  @Override
  public void forward(
      ForwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    checkPacked(stage, packed);
    Objects.checkIndex(part, parts);
    offload.startForward(args, region, from, to, scratch);
    int act = offload.activationAt(stage);
    int out = offload.productAt(stage);
    // A picture is made whole, in the first part: these kernels are to be read, not to be fast.
    int end = part == 0 ? to : from;
    for (int picture = from; picture < end; picture++) {
      offload.loadActivation(args, picture, scratch);
      Arrays.fill(scratch, out, out + stage.output().values(), 0f);
      operate(args, picture, packed, scratch, act, out);
      offload.storeOutput(args, region, picture, picture == from, scratch);
    }
  }

  private static void operate(
      ForwardArgs args, int picture, float[] packed, float[] scratch, int act, int out) {
    switch (args.stage().operator()) {
      case Operator.Convolution op -> {
        if (op.isDepthwise()) {
          ScalarDepthwise.forward(op, packed, scratch, act, out);
        } else {
          ScalarConvolution.forward(op, packed, scratch, act, out);
        }
      }
      case Operator.MaxPooling op ->
          ScalarPooling.max(op, picture, args.saved(), scratch, act, out);
      case Operator.AveragePooling op -> ScalarPooling.average(op, scratch, act, out);
      case Operator.GlobalAveragePooling op -> ScalarPooling.average(op, scratch, act, out);
      case Operator.Resample op -> ScalarResample.add(op, scratch, act, out);
      case Operator.Multiply op ->
          ScalarProduct.multiply(op, picture, args.factor(), scratch, act, out);
      case Operator.Dropout op -> ScalarProduct.drop(op, picture, args.draws(), scratch, act, out);
      case Operator.ChannelShuffle op -> ScalarMoves.shuffle(op, scratch, act, out);
      case Operator.Padding op -> ScalarMoves.pad(op, scratch, act, out);
      case Sampling op -> ScalarSampling.forward(op, scratch, act, out);
      case GroupNorm op ->
          ScalarGroupNorm.forward(op, picture, packed, args.saved(), scratch, act, out);
    }
  }

  @Override
  public void backward(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    checkPacked(stage, packed);
    Objects.checkIndex(part, parts);
    offload.startBackward(args, from, to, scratch);
    offload.clearSums(args, region);
    ScalarParameters.clear(args, region);
    boolean through = args.dx() != null || stage.activation().hasParameters();
    int end = part == 0 ? to : from;
    for (int picture = from; picture < end; picture++) {
      offload.loadGradient(args, false, picture, true, scratch);
      if (stage.needsInputValues()) {
        addWeights(args, region, picture, scratch);
      }
      if (through) {
        data(args, region, picture, packed, scratch);
      }
    }
    offload.storeBias(args, region, scratch);
  }

  @Override
  public void sumGradient(
      BackwardArgs args, int from, int to, int part, int parts, float[] scratch) {
    Objects.checkIndex(part, parts);
    if (args.gradientOut() == null) {
      throw new IllegalArgumentException("The stage's gradient is not asked for");
    }
    offload.startBackward(args, from, to, scratch);
    int end = part == 0 ? to : from;
    for (int picture = from; picture < end; picture++) {
      offload.loadGradient(args, false, picture, false, scratch);
    }
  }

  @Override
  public void backwardData(
      BackwardArgs args,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    checkPacked(args.stage(), packed);
    Objects.checkIndex(part, parts);
    offload.startBackward(args, from, to, scratch);
    offload.clearSums(args, region);
    int end = part == 0 ? to : from;
    for (int picture = from; picture < end; picture++) {
      offload.loadGradient(args, true, picture, false, scratch);
      data(args, region, picture, packed, scratch);
    }
  }

  @Override
  public void backwardWeights(
      BackwardArgs args, int region, int from, int to, int part, int parts, float[] scratch) {
    Objects.checkIndex(part, parts);
    if (!args.stage().needsInputValues()) {
      throw new IllegalArgumentException("The stage has no use for its input: " + args.stage());
    }
    offload.startBackward(args, from, to, scratch);
    if (part > 0) {
      return;
    }
    ScalarParameters.clear(args, region);
    for (int picture = from; picture < to; picture++) {
      offload.loadGradient(args, true, picture, true, scratch);
      addWeights(args, region, picture, scratch);
    }
    offload.storeBias(args, region, scratch);
  }

  private void addWeights(BackwardArgs args, int region, int picture, float[] scratch) {
    Stage stage = args.stage();
    int dy = offload.gradientAt(stage);
    offload.restoreActivation(args, picture, scratch);
    if (stage.operator() instanceof Operator.Multiply op) {
      ScalarProduct.factorGradient(args, op, picture, scratch, offload.restoredAt(stage), dy);
      return;
    }
    if (stage.operator().weights() == 0) {
      return; // a normalisation without scale and shift
    }
    int dw = ScalarOffload.weightGradientAt(stage);
    ScalarParameters.addWeights(args, region, picture, scratch, dy, offload.restoredAt(stage), dw);
  }

  private void data(BackwardArgs args, int region, int picture, float[] packed, float[] scratch) {
    Stage stage = args.stage();
    int dy = offload.gradientAt(stage);
    int da = offload.dataAt(stage);
    Arrays.fill(scratch, da, ScalarOffload.weightGradientAt(stage), 0f);
    switch (stage.operator()) {
      case Operator.Convolution op -> {
        if (op.isDepthwise()) {
          ScalarDepthwise.backwardData(op, packed, scratch, dy, da);
        } else {
          ScalarConvolution.backwardData(op, packed, scratch, dy, da);
        }
      }
      case Operator.MaxPooling op ->
          ScalarPooling.maxBackward(op, picture, args.saved(), scratch, dy, da);
      case Operator.AveragePooling op -> ScalarPooling.averageBackward(op, scratch, dy, da);
      case Operator.GlobalAveragePooling op -> ScalarPooling.averageBackward(op, scratch, dy, da);
      case Operator.Resample op -> ScalarResample.backward(op, scratch, dy, da);
      case Operator.Multiply op ->
          ScalarProduct.multiply(op, picture, args.factor(), scratch, dy, da);
      case Operator.Dropout op -> ScalarProduct.drop(op, picture, args.draws(), scratch, dy, da);
      case Operator.ChannelShuffle op -> ScalarMoves.shuffleBackward(op, scratch, dy, da);
      case Operator.Padding op -> ScalarMoves.padBackward(op, scratch, dy, da);
      case Sampling op -> ScalarSampling.backward(op, scratch, dy, da);
      case GroupNorm op -> {
        int act = offload.restoredAt(stage);
        offload.restoreActivation(args, picture, scratch);
        ScalarGroupNorm.backwardData(op, picture, packed, args.saved(), scratch, act, dy, da);
      }
    }
    offload.storeGradient(args, region, picture, scratch);
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
    ScalarOffload.checkLength(packed, packedFloats(stage), "packed weights hold");
  }
}
