/** Tensors in files that other frameworks read and write. */
@NullMarked
package dev.nibble.engine.exchange;

import org.jspecify.annotations.NullMarked;
