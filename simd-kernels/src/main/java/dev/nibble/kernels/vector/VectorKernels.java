package dev.nibble.kernels.vector;

import dev.nibble.kernels.AdamWArgs;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.BlendArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.InputArgs;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.Merges;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.ProductOffload;
import dev.nibble.kernels.SgdArgs;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.scalar.ScalarKernels;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardData;
import dev.nibble.kernels.vector.convolution.ConvolutionForward;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.passes.Algorithms;
import dev.nibble.kernels.vector.passes.BackwardPass;
import dev.nibble.kernels.vector.passes.DataPass;
import dev.nibble.kernels.vector.passes.ForwardPass;
import dev.nibble.kernels.vector.passes.FusedLayout;
import dev.nibble.kernels.vector.passes.ScratchLayout;
import dev.nibble.kernels.vector.passes.WeightLayout;
import dev.nibble.kernels.vector.passes.WeightPass;
import dev.nibble.kernels.vector.update.AdamWKernel;
import dev.nibble.kernels.vector.update.BlendKernel;
import dev.nibble.kernels.vector.update.SgdKernel;
import dev.nibble.kernels.vector.update.WeightSums;
import dev.nibble.kernels.vector.winograd.WinogradWeights;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The kernels with the Vector API: a picture is loaded into a thread's scratch through batch norm
 * and ReLU, multiplied there by register tiles, and stored with the sums that come next.
 *
 * <p>What is small (the loss, the sum of squares) is left to the scalar kernels.
 */
public final class VectorKernels implements HostKernels {
  private final Kernels reference = new ScalarKernels();
  private final Algorithms algorithms;
  private final VectorOffload offload = new VectorOffload();

  private static final String SCRATCH = "scratch holds";

  /**
   * Creates the provider; it holds no state.
   *
   * @param winograd whether 3x3 convolutions may take Winograd's algorithm where it is faster; its
   *     sums round differently, by a few millionths of the largest value
   * @throws UnsupportedOperationException if {@link #unsupportedReason} is not null
   */
  public VectorKernels(boolean winograd) {
    algorithms = new Algorithms(winograd);
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
    return switch (stage.operator()) {
      case Convolution c -> {
        if (c.isDepthwise()) {
          yield Depthwise.weightFloats(c);
        }
        yield Math.max(
            algorithms.forward(stage)
                ? WinogradWeights.packedFloats(c, portions(stage))
                : ConvolutionGeometry.packedForwardFloats(c),
            algorithms.backwardData(stage)
                ? WinogradWeights.packedFloats(c, portions(stage))
                : ConvolutionGeometry.packedBackwardFloats(c));
      }
      default -> 0;
    };
  }

  @Override
  public int scratchFloats(Stage stage) {
    long floats = ScratchLayout.floats(stage, algorithms);
    if (floats < FusedLayout.end(stage, algorithms) && Cut.mayFuse(stage, 1)) {
      floats = FusedLayout.end(stage, algorithms);
    }
    return ScratchLayout.checked(floats);
  }

  @Override
  public int packUnits(Stage stage) {
    return portions(stage) * portionUnits(stage);
  }

  private int portionUnits(Stage stage) {
    return stage.operator() instanceof Convolution c
        ? Math.ceilDiv(Math.max(forwardUnits(stage, c), backwardUnits(stage, c)), portions(stage))
        : 1;
  }

  @Override
  public int portions(Stage stage) {
    return algorithms.gathers(stage) ? Cut.PORTIONS : 1;
  }

  /** The panel that a unit is, or -1 if it is none of so many. */
  private int panel(Stage stage, int unit, int panels) {
    int portions = portions(stage);
    int units = portionUnits(stage);
    int portion = unit / units;
    int panel = WinogradWeights.portionPanel(panels, portion, portions) + unit % units;
    return panel < WinogradWeights.portionPanel(panels, portion + 1, portions) ? panel : -1;
  }

  private int forwardUnits(Stage stage, Convolution c) {
    if (c.isDepthwise()) {
      return 1;
    }
    return algorithms.forward(stage)
        ? WinogradWeights.panels(c.outChannels())
        : ConvolutionForward.panels(c);
  }

  private int backwardUnits(Stage stage, Convolution c) {
    if (c.isDepthwise()) {
      return 1;
    }
    return algorithms.backwardData(stage)
        ? WinogradWeights.panels(c.input().channels())
        : ConvolutionBackwardData.panels(c);
  }

  @Override
  public void packForward(ForwardArgs args, int unit, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights == null) {
      return;
    }
    Stage stage = args.stage();
    checkPacked(stage, unit, packed);
    switch (stage.operator()) {
      case Convolution op -> {
        int panel = panel(stage, unit, forwardUnits(stage, op));
        if (panel < 0) {
          return;
        }
        if (op.isDepthwise()) {
          Depthwise.pack(op, weights, packed);
        } else if (algorithms.forward(stage)) {
          WinogradWeights.packForward(
              op, panel, unit / portionUnits(stage), portions(stage), weights, packed);
        } else {
          ConvolutionForward.pack(op, panel, weights, packed);
        }
      }
      default -> {}
    }
  }

  @Override
  public void packBackward(BackwardArgs args, int unit, float[] packed) {
    MemorySegment weights = args.weights();
    if (weights == null) {
      return;
    }
    Stage stage = args.stage();
    checkPacked(stage, unit, packed);
    switch (stage.operator()) {
      case Convolution op -> {
        int panel = panel(stage, unit, backwardUnits(stage, op));
        if (panel < 0) {
          return;
        }
        if (op.isDepthwise()) {
          Depthwise.pack(op, weights, packed);
        } else if (algorithms.backwardData(stage)) {
          WinogradWeights.packBackward(
              op, panel, unit / portionUnits(stage), portions(stage), weights, packed);
        } else {
          ConvolutionBackwardData.pack(op, panel, weights, packed);
        }
      }
      default -> {}
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
    checkPacked(args.stage(), 0, packed);
    check(args.batch(), from, to, part, parts);
    checkPortions(args.stage(), parts);
    checkLength(scratch, ScratchLayout.forwardFloats(args.stage(), algorithms), SCRATCH);
    checkStatistics(args, region);
    ForwardPass.run(args, algorithms, region, from, to, part, parts, packed, scratch);
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
    checkPacked(args.stage(), 0, packed);
    check(args.batch(), from, to, part, parts);
    checkLength(scratch, FusedLayout.end(args.stage(), algorithms), SCRATCH);
    checkSums(args, region);
    checkWeights(args, region);
    BackwardPass.run(args, algorithms, region, from, to, part, parts, packed, scratch);
  }

  @Override
  public void sumGradient(
      BackwardArgs args, int from, int to, int part, int parts, float[] scratch) {
    check(args.batch(), from, to, part, parts);
    checkLength(scratch, ScratchLayout.sumFloats(args.stage()), SCRATCH);
    MemorySegment target = args.gradientOut();
    if (target == null) {
      throw new IllegalArgumentException("The stage's gradient is not asked for");
    }
    DataPass.sum(args, from, to, part, parts, target, scratch);
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
    checkPacked(args.stage(), 0, packed);
    check(args.batch(), from, to, part, parts);
    checkPortions(args.stage(), parts);
    checkLength(scratch, ScratchLayout.dataFloats(args.stage(), algorithms), SCRATCH);
    checkSums(args, region);
    DataPass.run(args, args.summed(), algorithms, region, from, to, part, parts, packed, scratch);
  }

  @Override
  public void backwardWeights(
      BackwardArgs args, int region, int from, int to, int part, int parts, float[] scratch) {
    check(args.batch(), from, to, part, parts);
    if (!args.stage().needsInputValues()) {
      throw new IllegalArgumentException("The stage has no use for its input: " + args.stage());
    }
    checkLength(scratch, WeightLayout.end(args.stage(), algorithms, parts), SCRATCH);
    checkWeights(args, region);
    WeightPass.run(args, args.summed(), algorithms, region, from, to, part, parts, scratch);
  }

  @Override
  public ProductOffload offload() {
    return offload;
  }

  @Override
  public void finishWeights(BackwardArgs args, Cut cut, int from, int to, MemorySegment target) {
    Stage stage = args.stage();
    int size = Partials.weightValues(stage);
    Objects.checkFromToIndex(from, to, size);
    MemorySegment gradients = args.gradients();
    if (gradients == null) {
      throw new IllegalArgumentException("Only a stage with weights has their gradient");
    }
    long bytes = Partials.weightBytes(stage);
    long all = (cut.groups() - 1) * bytes + 4L * size;
    Objects.checkFromIndexSize(0, all, gradients.byteSize());
    Objects.checkFromIndexSize(0, 4L * size, target.byteSize());
    WeightSums.merge(gradients, cut.groups(), bytes, from, to, target);
  }

  @Override
  public void mergeWeights(BackwardArgs args, Merges merges, int from, int to) {
    Stage stage = args.stage();
    int size = Partials.weightValues(stage);
    Objects.checkFromToIndex(from, to, size);
    MemorySegment gradients = args.gradients();
    if (gradients == null) {
      throw new IllegalArgumentException("Only a stage with weights has their gradient");
    }
    long bytes = Partials.weightBytes(stage);
    Objects.checkFromIndexSize(0, (merges.regions() - 1) * bytes + 4L * size, gradients.byteSize());
    for (int i = 0; i < merges.size(); i++) {
      WeightSums.add(gradients, merges.into(i) * bytes, merges.from(i) * bytes, from, to);
    }
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

  private void checkPacked(Stage stage, int unit, float[] packed) {
    checkLength(packed, packedFloats(stage), "packed weights hold");
    Objects.checkIndex(unit, packUnits(stage));
  }

  private static void check(int batch, int from, int to, int part, int parts) {
    Objects.checkFromToIndex(from, to, batch);
    Objects.checkIndex(part, parts);
  }

  private void checkPortions(Stage stage, int parts) {
    int portions = portions(stage);
    if (parts % portions != 0) {
      throw new IllegalArgumentException(
          "A pass of %d parts is not cut for weights in %d portions".formatted(parts, portions));
    }
  }

  static void checkLength(float[] array, long floats, String what) {
    if (array.length < floats) {
      throw new IllegalArgumentException(
          "The " + what + " " + array.length + " floats, but the stage needs " + floats);
    }
  }

  /** Refuses a region of statistics that lies outside its memory. */
  static void checkStatistics(ForwardArgs args, int region) {
    MemorySegment statistics = args.statistics();
    if (args.stage().statistics() && statistics != null) {
      long bytes = Partials.statisticsBytes(args.stage().output().channels());
      Objects.checkFromIndexSize(region * bytes, bytes, statistics.byteSize());
    }
  }

  /** Refuses a region of sums that lies outside its memory. */
  static void checkSums(BackwardArgs args, int region) {
    long bytes = Partials.sumBytes(args.stage());
    Objects.checkFromIndexSize(region * bytes, bytes, args.sums().byteSize());
  }

  /** Refuses a region of the weights' gradients that lies outside its memory. */
  static void checkWeights(BackwardArgs args, int region) {
    MemorySegment gradients = args.gradients();
    if (gradients != null) {
      long bytes = Partials.weightBytes(args.stage());
      long values = 4L * Partials.weightValues(args.stage());
      Objects.checkFromIndexSize(region * bytes, values, gradients.byteSize());
    }
  }
}
