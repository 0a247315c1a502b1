package dev.nibble.kernels.vector;

import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.ConvolutionEnds;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.DepthwiseConvolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.SgdArgs;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The table with the Vector API: a picture is loaded into a thread's scratch through batch norm and
 * ReLU, multiplied there by register tiles, and stored with the sums that come next.
 *
 * <p>What is small (the loss, the sum of squares) is left to the scalar table.
 */
public final class VectorKernels implements HostKernels {
  private final Kernels reference = new ScalarKernels();
  private final Algorithms algorithms;
  private final VectorEnds ends;

  /**
   * Creates the provider; it holds no state.
   *
   * @param winograd whether 3x3 convolutions may take Winograd's algorithm where it is faster; its
   *     sums round differently, by a few millionths of the largest value
   * @throws UnsupportedOperationException if {@link #unsupportedReason} is not null
   */
  public VectorKernels(boolean winograd) {
    algorithms = new Algorithms(winograd);
    ends = new VectorEnds(algorithms);
    String reason = unsupportedReason();
    if (reason != null) {
      throw new UnsupportedOperationException(reason);
    }
  }

  /** Why this JVM cannot run the vector kernels, as a sentence for people; null if it can. */
  public static @Nullable String unsupportedReason() {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return "The Vector API is not loaded; start Java with --add-modules jdk.incubator.vector";
    }
    int lanes = Lanes.LANES;
    if (lanes != 4 && lanes != 8 && lanes != 16) {
      return "This machine's vectors of "
          + lanes
          + " floats are not supported; set "
          + (Lanes.BITS_PROPERTY + " to 128, 256 or 512");
    }
    return null;
  }

  @Override
  public String name() {
    return "vector";
  }

  @Override
  public String description() {
    return "vector, %d-bit (%d floats)%s"
        .formatted(
            32 * Lanes.LANES, Lanes.LANES, algorithms.winograd() ? "" : ", without Winograd");
  }

  @Override
  public int packedFloats(Stage stage) {
    return OperatorGeometry.packedFloats(stage, algorithms);
  }

  @Override
  public int scratchFloats(Stage stage) {
    return ScratchLayout.floats(stage, algorithms);
  }

  @Override
  public void packForward(ForwardArgs args, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights == null) {
      return;
    }
    checkPacked(args.stage(), packed);
    switch (args.stage().operator()) {
      case Convolution op -> {
        if (algorithms.forward(args.stage())) {
          WinogradWeights.packForward(op, weights, packed);
        } else {
          ConvolutionForward.pack(op, weights, packed);
        }
      }
      case DepthwiseConvolution op -> Depthwise.pack(op, weights, packed);
      default -> {}
    }
  }

  @Override
  public void packBackward(BackwardArgs args, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights == null) {
      return;
    }
    checkPacked(args.stage(), packed);
    switch (args.stage().operator()) {
      case Convolution op -> {
        if (algorithms.backwardData(op)) {
          WinogradWeights.packBackward(op, weights, packed);
        } else {
          ConvolutionBackwardData.pack(op, weights, packed);
        }
      }
      case DepthwiseConvolution op -> Depthwise.pack(op, weights, packed);
      default -> {}
    }
  }

  @Override
  public void forward(
      ForwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    checkPacked(args.stage(), packed);
    ends.checkForward(args, shard, from, to, scratch);
    ForwardPass.run(args, algorithms, shard, from, to, packed, scratch);
  }

  @Override
  public void backward(
      BackwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
    checkPacked(args.stage(), packed);
    ends.checkBackward(args, shard, from, to, scratch);
    BackwardPass.run(args, algorithms, shard, from, to, packed, scratch);
  }

  @Override
  public ConvolutionEnds ends() {
    return ends;
  }

  @Override
  public void finishWeights(BackwardArgs args, int shards, int from, int to, MemorySegment target) {
    Stage stage = args.stage();
    int size = stage.operator().weights() + (stage.hasBias() ? stage.output().channels() : 0);
    Objects.checkFromToIndex(from, to, size);
    long bytes = Partials.gradientBytes(stage);
    Objects.checkFromIndexSize(0, shards * bytes, args.gradients().byteSize());
    Objects.checkFromIndexSize(0, 4L * size, target.byteSize());
    ParameterGradients.merge(args.gradients(), shards, bytes, from, to, target);
  }

  @Override
  public void input(InputArgs args, int from, int to) {
    Objects.checkFromToIndex(from, to, args.batch());
    for (int picture = from; picture < to; picture++) {
      InputKernel.picture(args, picture);
    }
  }

  @Override
  public void loss(LossArgs args, int count) {
    reference.loss(args, count);
  }

  @Override
  public void sgd(SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    Objects.checkFromToIndex(from, to, args.size());
    SgdKernel.step(args, from, to, rate, momentum, weightDecay);
  }

  @Override
  public void nesterov(
      SgdArgs args, int from, int to, float rate, float momentum, float weightDecay) {
    Objects.checkFromToIndex(from, to, args.size());
    SgdKernel.nesterov(args, from, to, rate, momentum, weightDecay);
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
    AdamWKernel.step(args, from, to, rate, weightDecay, correction1, correction2);
  }

  @Override
  public void blend(BlendArgs args, int from, int to, float keep, float add) {
    Objects.checkFromToIndex(from, to, args.size());
    BlendKernel.blend(args, from, to, keep, add);
  }

  @Override
  public double sumOfSquares(MemorySegment values, int from, int to) {
    return reference.sumOfSquares(values, from, to);
  }

  private void checkPacked(Stage stage, float[] packed) {
    VectorEnds.checkLength(packed, packedFloats(stage), "packed weights hold");
  }
}
