/** Optimisers and the learning rates they run with. */
@NullMarked
package dev.nibble.engine.optim;

import org.jspecify.annotations.NullMarked;
