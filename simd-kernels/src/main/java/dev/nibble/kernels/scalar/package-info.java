/**
 * The kernels in plain Java: the specification that every other provider is tested against, and the
 * fallback where there is no Vector API.
 */
@NullMarked
package dev.nibble.kernels.scalar;

import org.jspecify.annotations.NullMarked;
