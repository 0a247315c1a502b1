package dev.nibble.engine.checkpoint;

/** Says in one sentence which checkpoint cannot be written or used, and why. */
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Makes an exception whose message is for the user. */
  public CheckpointException(String sentence) {
    super(sentence);
  }

  /** Makes an exception whose message is for the user, with what led to it. */
  public CheckpointException(String sentence, Throwable cause) {
    super(sentence, cause);
  }
}
