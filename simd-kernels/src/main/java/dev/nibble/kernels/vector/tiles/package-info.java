/**
 * Register tiles, most of them written by a generator (see the tests' {@code generator} package):
 * sums of products that stay in registers, and the plan that covers a matrix with them by what each
 * costs.
 */
@NullMarked
package dev.nibble.kernels.vector.tiles;

import org.jspecify.annotations.NullMarked;
