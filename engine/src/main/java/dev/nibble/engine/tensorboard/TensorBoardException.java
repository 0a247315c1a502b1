package dev.nibble.engine.tensorboard;

import java.io.Serial;

/** Says in one sentence which event file cannot be written, and why. */
public final class TensorBoardException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  TensorBoardException(String sentence, Throwable cause) {
    super(sentence, cause);
  }
}
