package dev.nibble.kernels;

/**
 * A call to a device's library failed. Nothing that the call was to write is valid; what lies in
 * host memory otherwise is untouched. Most failures of a device are final for the process.
 */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String status;
  private final int code;
  private final String call;
  private final boolean outOfMemory;

  /**
   * Creates the exception; its message is one sentence.
   *
   * @param status the status's name, such as {@code CUDA_ERROR_OUT_OF_MEMORY}
   * @param code the status's number
   * @param call the function that returned it, such as {@code cuMemAlloc_v2}
   * @param details what the call was about: shapes, sizes; empty for nothing
   * @param outOfMemory whether the device had too little memory
   */
  public DeviceException(
      String status, int code, String call, String details, boolean outOfMemory) {
    super("%s failed with %s (%d)%s".formatted(call, status, code, behind(details)));
    this.status = status;
    this.code = code;
    this.call = call;
    this.outOfMemory = outOfMemory;
  }

  private static String behind(String details) {
    return details.isEmpty() ? "" : ": " + details;
  }

  /** The status's name, such as {@code CUBLAS_STATUS_EXECUTION_FAILED}. */
  public String status() {
    return status;
  }

  /** The status's number. */
  public int code() {
    return code;
  }

  /** The function that returned it. */
  public String call() {
    return call;
  }

  /** Whether the device had too little memory. */
  public boolean outOfMemory() {
    return outOfMemory;
  }
}
