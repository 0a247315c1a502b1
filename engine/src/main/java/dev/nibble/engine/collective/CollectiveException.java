package dev.nibble.engine.collective;

/** A run that workers share has ended because of one of them; says which, and why. */
public final class CollectiveException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Says what happened, in a sentence. */
  public CollectiveException(String message) {
    super(message);
  }

  /** Says what happened, in a sentence. */
  public CollectiveException(String message, Throwable cause) {
    super(message, cause);
  }
}
