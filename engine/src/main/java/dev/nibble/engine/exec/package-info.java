/**
 * Runs a plan: {@link dev.nibble.engine.exec.Session} owns the slab, the worker threads and the
 * bound arguments of every kernel call, and walks the stages forward and back. A step allocates
 * nothing.
 *
 * <p>One training step, of which stage i (batch norm, ReLU, convolution) is drawn, and stage j,
 * which reads what i has written. x, y and d lie in common buffers that all stages share; what
 * stands in brackets is kept from the way there to the way back:
 *
 * <pre>
 *  pictures -> InputPass -> x0 ..
 *                            |
 *  ForwardPass      stage i  | x  read once: normalised, [codes of i] written, ReLU, convolution
 *                            v y  written once, its sums beside it: a leaf's each
 *  BatchStatistics           |    the leaves' sums, along the fixed tree -> mean, variance
 *                            |    -> [channel table of j], by which j reads y
 *                   stage j  v    reads y, leaves [codes of j]
 *                           ..
 *  BoundLoss                 |    logits -> loss, gradient of the logits
 *                           ..
 *  BackwardPass     stage j  ^ d  = (convolution, transposed) * mask, written once: not finished
 *  ChannelGradients          |    sums of d and d * x^ over the batch -> gradients of beta, gamma
 *                            |    -> DX rows in the channel table of j
 *                            |
 *                   stage i  |    reads d and [codes of j] once and finishes, as it loads,
 *                            |      dy = d * DX_SCALE + x^ * DX_CODE + DX_OFFSET
 *                            |    from dy and [codes of i]: the weights' gradient, and
 *                            ^ d  of its own, written once: not finished
 *  WeightGradients           |    the leaves' sums of the weights, along the fixed tree
 *                           ..
 *  ParameterUpdate                gradients, finiteness, norm -> optimiser -> weights
 * </pre>
 *
 * <p>So nobody writes a batch norm's gradient: it needs sums over the whole batch, which are known
 * only when d has been written, and the stage below finishes d as a <i>normalised term</i> of its
 * output's gradient. Shortcuts add further terms, and what is read by two passes is summed once
 * into a buffer of its own.
 */
@NullMarked
package dev.nibble.engine.exec;

import org.jspecify.annotations.NullMarked;
