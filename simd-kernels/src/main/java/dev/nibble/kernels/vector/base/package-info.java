/**
 * Vectors of the machine's width: how many values they hold, and how they come from memory and go
 * there.
 */
@NullMarked
package dev.nibble.kernels.vector.base;

import org.jspecify.annotations.NullMarked;
