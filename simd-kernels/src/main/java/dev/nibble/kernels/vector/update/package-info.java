/** Loops over parameters: optimisers, averages, sums of partial gradients. */
@NullMarked
package dev.nibble.kernels.vector.update;

import org.jspecify.annotations.NullMarked;
