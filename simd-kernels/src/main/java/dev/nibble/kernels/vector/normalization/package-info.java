/**
 * Layer, group and instance norm: moments of pixels and of groups of channels, and the gradients
 * through them, over runs of pixels that lie in scratch.
 */
@NullMarked
package dev.nibble.kernels.vector.normalization;

import org.jspecify.annotations.NullMarked;
