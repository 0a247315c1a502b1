/** Optimisers, the learning rates they run with, and losses. */
@NullMarked
package dev.nibble.engine.optim;

import org.jspecify.annotations.NullMarked;
