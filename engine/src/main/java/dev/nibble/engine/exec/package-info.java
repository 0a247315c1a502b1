/**
 * Runs a plan: {@link dev.nibble.engine.exec.Session} owns the slab, the worker threads and the
 * bound arguments of every kernel call, and walks the stages forward and back. A step allocates
 * nothing.
 *
 * <p>One training step; x, y are common buffers that all stages share, what is left of each stage
 * is what stands in brackets:
 *
 * <pre>
 *  pictures -> InputPass -> x0
 *                           |
 *   forward    stage i      | x  read once: normalised, [codes] written, ReLU, convolution
 *   StagePasses             v y  written once, its sums beside it: a leaf's each
 *                           |    the leaves' sums, along the fixed tree -> [mean, variance]
 *                           |    -> the channel table of who reads y
 *              ...          v
 *              head, loss   logits -> loss, gradient of the logits
 *                           |
 *   backward   stage i      | dy read once, as the sum of its terms (below); [codes] read once
 *   StagePasses             v d  = (convolution of dy with the weights) * mask, written once
 *                           |    sum(d), sum(d * x^) of the leaves -> gradients of beta and gamma,
 *                           |    -> the DX rows of the channel table
 *              ...          v
 *   ParameterUpdate              gradients, finiteness, norm -> optimiser -> weights
 * </pre>
 *
 * <p>The gradient that a stage with batch norm leaves, d, is not finished: {@code dx = d * DX_SCALE
 * + x^ * DX_CODE + DX_OFFSET} needs sums over the whole batch, which are known only when d has been
 * written. So nobody writes dx. The stage below takes d as a <i>normalised term</i> of its output's
 * gradient and applies the DX rows as it loads, reading the same codes a second time; shortcuts add
 * further terms, and what is read by two passes is summed once into a buffer of its own.
 */
@NullMarked
package dev.nibble.engine.exec;

import org.jspecify.annotations.NullMarked;
