package dev.nibble.memory;

import java.io.Serial;

/**
 * Memory was asked for that an account, or the operating system, does not have; nothing was
 * allocated.
 */
public final class MemoryLimitException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  private final long requested;
  private final long available;
  private final long limit;
  private final String account;
  private final String purpose;

  /**
   * Describes a refused reservation; sizes are in bytes.
   *
   * @param message one sentence: how much was needed, for what, what is free, what to do
   * @param requested what was asked for
   * @param available the most that would have been granted
   * @param limit limit of the account that refused
   * @param account path of the account that refused
   * @param purpose what the memory was for
   */
  public MemoryLimitException(
      String message, long requested, long available, long limit, String account, String purpose) {
    super(message);
    this.requested = requested;
    this.available = available;
    this.limit = limit;
    this.account = account;
    this.purpose = purpose;
  }

  /** Bytes that were asked for. */
  public long requested() {
    return requested;
  }

  /** Bytes that the account would have granted. */
  public long available() {
    return available;
  }

  /** Limit, in bytes, of the account that refused. */
  public long limit() {
    return limit;
  }

  /** Path of the account that refused, such as {@code nibble/session resnet20}. */
  public String account() {
    return account;
  }

  /** What the memory was for. */
  public String purpose() {
    return purpose;
  }
}
