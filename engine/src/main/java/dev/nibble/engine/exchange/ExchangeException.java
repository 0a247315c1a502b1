package dev.nibble.engine.exchange;

/** Says in one sentence which file, and which tensor in it, cannot be read or written, and why. */
public final class ExchangeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Makes an exception whose message is for the user. */
  public ExchangeException(String sentence) {
    super(sentence);
  }

  /** Makes an exception whose message is for the user, with what led to it. */
  public ExchangeException(String sentence, Throwable cause) {
    super(sentence, cause);
  }
}
