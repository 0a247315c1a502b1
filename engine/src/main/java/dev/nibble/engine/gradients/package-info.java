/**
 * How far the gradients that codes leave are from the exact ones, layer by layer: whether few bits
 * are safe for a network.
 */
@NullMarked
package dev.nibble.engine.gradients;

import org.jspecify.annotations.NullMarked;
