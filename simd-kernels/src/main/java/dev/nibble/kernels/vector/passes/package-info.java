/**
 * A stage's passes over its bands: what lies where in scratch, which algorithm computes it, and the
 * walk forward, back to the data and back to the weights.
 */
@NullMarked
package dev.nibble.kernels.vector.passes;

import org.jspecify.annotations.NullMarked;
