package dev.nibble.engine.data;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** Says in one sentence what is wrong with a data set, naming the file, and what to do about it. */
public final class DataException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * A failure that was found here.
   *
   * @param message one sentence for the user
   */
  public DataException(String message) {
    super(message);
  }

  /**
   * A failure that something below reported.
   *
   * @param message one sentence for the user
   * @param cause what was reported, or null
   */
  public DataException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
