package dev.nibble.kernels.vector.passes;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.convolution.ConvolutionBackwardWeights;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.convolution.Depthwise;
import dev.nibble.kernels.vector.winograd.WinogradWeights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A leaf of the backward pass to a stage's weights: some blocks of the weights, each summed over
 * all pixels of the leaf's pictures, so that its sums stay in the cache.
 */
public final class WeightPass {
  private WeightPass() {}

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
      float[] scratch) {
    Stage stage = args.stage();
    TableRows.load(stage.activation(), args.table(), stage.input().channels(), scratch, 0);
    GradientLoader.start(terms, scratch, WeightLayout.termTable(stage));
    switch (stage.operator()) {
      case Convolution op ->
          blocks(args, terms, op, algorithms, region, from, to, part, parts, scratch);
      case Operator.Multiply op -> FactorPass.run(args, terms, op, from, to, part, parts, scratch);
      case GroupNorm op -> {
        if (part == 0) {
          GroupNormBackward.run(args, terms, null, true, false, region, from, to, scratch);
        }
      }
      default -> throw new IllegalStateException(stage.operator() + " has no weights");
    }
  }

  private static void blocks(
      BackwardArgs args,
      List<GradientTerm> terms,
      Convolution op,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] scratch) {
    Stage stage = args.stage();
    MemorySegment target = Objects.requireNonNull(args.gradients());
    long base = region * Partials.weightBytes(stage);
    int inBlock = WeightParts.inBlock(op, algorithms, parts);
    int outBlock = WeightParts.outBlock(op, algorithms, parts);
    boolean grouped = op.groups() > 1;
    int inBlocks = Math.ceilDiv(op.input().channels(), inBlock);
    int count = WeightParts.count(op, algorithms, parts);
    int end = Bands.bound(count, part + 1, parts);
    for (int block = Bands.bound(count, part, parts); block < end; block++) {
      int fromIn = block % inBlocks * inBlock;
      int fromOut = (grouped ? block : block / inBlocks) * outBlock;
      int in = Math.min(inBlock, op.input().channels() - fromIn);
      int out = Math.min(outBlock, op.outChannels() - fromOut);
      boolean winograd = algorithms.backwardWeights(op, in, out, true);
      int sums = WeightLayout.sums(stage, in, out, winograd);
      int work = WeightLayout.work(stage, in, out, winograd);
      int bias = WeightLayout.bias(stage);
      Arrays.fill(scratch, sums, work, 0f);
      Arrays.fill(scratch, bias, WeightLayout.gradient(stage), 0f);
      if (ConvolutionGeometry.isFlat(op)) {
        FlatWeights.run(args, terms, op, from, to, fromIn, in, fromOut, out, scratch);
      } else {
        WindowWeights.run(args, terms, op, winograd, from, to, fromIn, in, fromOut, out, scratch);
      }
      if (op.isDepthwise()) {
        Depthwise.flush(op, fromIn, fromIn + in, scratch, sums, target, base);
      } else if (winograd) {
        WinogradWeights.flush(op, fromIn, in, fromOut, out, scratch, sums, target, base);
      } else {
        ConvolutionBackwardWeights.flush(op, fromIn, in, fromOut, out, scratch, sums, target, base);
      }
      if (stage.hasBias() && (fromIn == 0 || grouped)) {
        long at = base + Partials.bias(stage) + 4L * fromOut;
        MemorySegment.copy(scratch, bias, target, JAVA_FLOAT, at, out);
      }
    }
  }
}
