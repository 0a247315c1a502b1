/** Trained models as files: weights with what is needed to use them. */
@NullMarked
package dev.nibble.engine.model;

import org.jspecify.annotations.NullMarked;
