/**
 * The choice of a provider of the kernel table: the best available, or the one that was asked for.
 */
@NullMarked
package dev.nibble.kernels.provider;

import org.jspecify.annotations.NullMarked;
