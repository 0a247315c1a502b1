/**
 * 3x3 convolutions of stride 1 by Winograd's algorithm, F(4x4, 3x3): transforms of input, weights
 * and output, and the products between them.
 */
@NullMarked
package dev.nibble.kernels.vector.winograd;

import org.jspecify.annotations.NullMarked;
