package dev.nibble.memory;

import java.io.Serial;

/** An account was closed while memory it pays for was still held; it stays open. */
public final class MemoryLeakException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1;

  private final String account;
  private final long outstanding;

  MemoryLeakException(String message, String account, long outstanding) {
    super(message);
    this.account = account;
    this.outstanding = outstanding;
  }

  /** Path of the account that could not be closed. */
  public String account() {
    return account;
  }

  /** Bytes held in that account and below it. */
  public long outstanding() {
    return outstanding;
  }
}
