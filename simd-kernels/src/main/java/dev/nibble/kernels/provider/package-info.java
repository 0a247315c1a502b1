/** The choice of a provider of kernels: the best available, or the one that was asked for. */
@NullMarked
package dev.nibble.kernels.provider;

import org.jspecify.annotations.NullMarked;
