package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.OutputWriter;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import java.lang.foreign.MemorySegment;

/**
 * A leaf of a stage's forward pass: band by band, load, operator, shortcut, store. What
 * neighbouring bands of a picture share stays in scratch.
 */
public final class ForwardPass {
  private ForwardPass() {}

  /** Runs a leaf whose arguments are checked. */
  public static void run(
      ForwardArgs args,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    Stage stage = args.stage();
    start(args, region, scratch);
    if (stage.activation().naive() && !ScratchLayout.isFlat(stage)) {
      // Values are read from codes, which a band's neighbours may not have written yet.
      if (part == 0) {
        dispatch(args, algorithms, region, from, to, 0, 1, packed, scratch);
      }
      return;
    }
    dispatch(args, algorithms, region, from, to, part, parts, packed, scratch);
  }

  private static void dispatch(
      ForwardArgs args,
      Algorithms algorithms,
      int region,
      int from,
      int to,
      int part,
      int parts,
      float[] packed,
      float[] scratch) {
    switch (args.stage().operator()) {
      case Convolution op -> {
        if (ConvolutionGeometry.isFlat(op)) {
          FlatForward.run(args, op, region, from, to, part, parts, packed, scratch);
        } else {
          WindowForward.run(args, op, algorithms, region, from, to, part, parts, packed, scratch);
        }
      }
      case Operator.GlobalAveragePooling op ->
          ChannelwiseForward.average(args, op, region, from, to, part, parts, scratch);
      case Padding op -> ChannelwiseForward.pad(args, op, region, from, to, part, parts, scratch);
      case Sampling op -> SamplingForward.run(args, op, region, from, to, part, parts, scratch);
      case GroupNorm op -> GroupNormForward.run(args, op, region, from, to, part, parts, scratch);
      default -> ChannelwiseForward.run(args, region, from, to, part, parts, scratch);
    }
  }

  /** What a leaf's bands share: tables, bias, sums. */
  public static void start(ForwardArgs args, int region, float[] scratch) {
    Stage stage = args.stage();
    Activation activation = stage.activation();
    TableRows.load(activation, args.table(), stage.input().channels(), scratch, 0);
    ForwardArgs.ResidualArgs buffers = args.residual();
    Stage.Residual residual = stage.residual();
    if (residual != null && buffers != null && !ScratchLayout.isPlain(residual)) {
      TableRows.load(
          residual.activation(),
          buffers.table(),
          residual.transform().input().channels(),
          scratch,
          ScratchLayout.shortcutTable(stage));
    }
    int channels = stage.output().channels();
    OutputWriter.start(args.bias(), channels, scratch, ScratchLayout.outputRows(stage));
    MemorySegment statistics = args.statistics();
    if (stage.statistics() && statistics != null) {
      OutputWriter.clear(statistics, region * Partials.statisticsBytes(channels), channels);
    }
  }
}
