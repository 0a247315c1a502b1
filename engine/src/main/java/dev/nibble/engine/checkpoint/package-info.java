/** Snapshots of a training run that survive a kill at any instant. */
@NullMarked
package dev.nibble.engine.checkpoint;

import org.jspecify.annotations.NullMarked;
