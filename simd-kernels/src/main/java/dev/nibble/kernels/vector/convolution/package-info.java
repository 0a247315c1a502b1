/**
 * Convolutions of rows in a thread's scratch, as sums of shifted products: their geometry, their
 * panels of weights, and three directions of each.
 */
@NullMarked
package dev.nibble.kernels.vector.convolution;

import org.jspecify.annotations.NullMarked;
