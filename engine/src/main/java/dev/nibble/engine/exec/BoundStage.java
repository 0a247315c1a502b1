package dev.nibble.engine.exec;

import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ForwardArgs;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stage with every buffer in its place.
 *
 * @param node the stage
 * @param train forward pass of training; in a session for inference the same as {@code infer}
 * @param infer forward pass with running statistics
 * @param again forward pass of training for the second time, before the backward pass; null where
 *     it is made once
 * @param backward backward pass, or null in a session for inference and for a frozen stage
 * @param weightGradient where the gradient of weights and bias goes, or null without weights
 * @param gammaGradient gradient of its own batch norm's gamma, or null: without batch norm, or
 *     where another stage finishes it
 * @param betaGradient gradient of its own batch norm's beta, or null likewise
 * @param slopeGradient gradient of its own function's slopes, or null likewise
 * @param outputTables tables that depend on its output's statistics
 * @param inputTable the table of its own input for inference, or null
 * @param running whether its batch norm normalises with running statistics in training, too
 * @param moments where the statistics of its output go
 */
record BoundStage(
    Node node,
    ForwardArgs train,
    ForwardArgs infer,
    @Nullable ForwardArgs again,
    @Nullable BackwardArgs backward,
    @Nullable MemorySegment weightGradient,
    @Nullable MemorySegment gammaGradient,
    @Nullable MemorySegment betaGradient,
    @Nullable MemorySegment slopeGradient,
    List<BoundTable> outputTables,
    @Nullable BoundTable inputTable,
    boolean running,
    Moments moments) {

  /**
   * Where a tensor's statistics lie: those of a slice among its whole's.
   *
   * @param segment means, then variances, of all channels of the tensor or of its whole
   * @param channels of the whole
   * @param offset the slice's first channel there
   * @param slice whether it is a slice
   */
  record Moments(MemorySegment segment, int channels, int offset, boolean slice) {}

  /**
   * A channel table and what fills it.
   *
   * @param train how the view is read in training
   * @param infer how the view is read in inference
   * @param epsilon added to the variance; without batch norm, to that of the codes
   * @param momentum share of the newest batch in the running statistics
   * @param gamma batch norm's scale, or null without batch norm
   * @param beta batch norm's shift, or null without batch norm
   * @param runningMean running mean, or null without batch norm
   * @param runningVariance running variance, or null without batch norm
   * @param slopes the function's slopes, or null where it has none
   */
  record BoundTable(
      Activation train,
      Activation infer,
      int channels,
      float epsilon,
      float momentum,
      MemorySegment table,
      @Nullable MemorySegment gamma,
      @Nullable MemorySegment beta,
      @Nullable MemorySegment runningMean,
      @Nullable MemorySegment runningVariance,
      @Nullable MemorySegment slopes) {}
}
