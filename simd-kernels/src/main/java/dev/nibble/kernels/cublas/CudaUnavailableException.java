package dev.nibble.kernels.cublas;

/** There is no usable GPU; the message is the reason, a clause for people without a full stop. */
public final class CudaUnavailableException extends Exception {
  private static final long serialVersionUID = 1L;

  CudaUnavailableException(String reason) {
    super(reason);
  }
}
