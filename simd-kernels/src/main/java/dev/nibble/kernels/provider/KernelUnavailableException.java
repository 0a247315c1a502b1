package dev.nibble.kernels.provider;

/** A provider was asked for by name that does not exist or cannot run in this JVM. */
public final class KernelUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message what is not available, why, and what to do
   */
  public KernelUnavailableException(String message) {
    super(message);
  }
}
