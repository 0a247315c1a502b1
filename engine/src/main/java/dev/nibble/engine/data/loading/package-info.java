/**
 * From a data set to batches: the augmentation of a picture, and the thread that fills planned
 * off-heap batches ahead of the trainer.
 */
@NullMarked
package dev.nibble.engine.data.loading;

import org.jspecify.annotations.NullMarked;
