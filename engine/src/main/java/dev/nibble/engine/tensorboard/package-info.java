/**
 * A training's course as event files that TensorBoard shows: {@link
 * dev.nibble.engine.tensorboard.TensorBoardListener}.
 */
@NullMarked
package dev.nibble.engine.tensorboard;

import org.jspecify.annotations.NullMarked;
