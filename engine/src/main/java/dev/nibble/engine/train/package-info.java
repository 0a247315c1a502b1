/**
 * Training from data to a model: {@link dev.nibble.engine.train.Trainer} with its options,
 * listeners and results, and the check of gradients by differences.
 */
@NullMarked
package dev.nibble.engine.train;

import org.jspecify.annotations.NullMarked;
