/**
 * Between memory and scratch: values normalised, their function applied, coded, restored, and the
 * gradients of all this on the way back.
 */
@NullMarked
package dev.nibble.kernels.vector.activation;

import org.jspecify.annotations.NullMarked;
