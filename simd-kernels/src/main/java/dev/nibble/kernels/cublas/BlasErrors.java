package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Turns cuBLAS's statuses into exceptions. */
final class BlasErrors {
  static final int ALLOC_FAILED = 3;

  private final AtomicBoolean failed = new AtomicBoolean();

  /** Missing before cuBLAS 11.4. */
  private final @Nullable MethodHandle statusName;

  BlasErrors(Symbols symbols) {
    statusName =
        symbols
            .optional("cublasGetStatusName", FunctionDescriptor.of(JAVA_LONG, JAVA_INT))
            .orElse(null);
  }

  /** Whether there was an exception for more than want of memory. */
  boolean hasFailed() {
    return failed.get();
  }

  void check(int status, NativeFunction function) {
    if (status != 0) {
      throw exception(status, function, "");
    }
  }

  /** The exception for a status; the details say what the call was about. */
  DeviceException exception(int status, NativeFunction function, String details) {
    if (status != ALLOC_FAILED) {
      failed.set(true);
    }
    return new DeviceException(
        name(status), status, function.name(), details, status == ALLOC_FAILED);
  }

  private String name(int status) {
    String name = asked(status);
    // For a status that it does not know, cuBLAS 13 has "unrecognized status".
    return name.startsWith("CUBLAS_") ? name : known(status);
  }

  private String asked(int status) {
    if (statusName == null) {
      return "";
    }
    try {
      return NativeFunction.text((long) statusName.invokeExact(status));
    } catch (Throwable e) {
      throw NativeFunction.unexpected(e);
    }
  }

  private static String known(int status) {
    return switch (status) {
      case 1 -> "CUBLAS_STATUS_NOT_INITIALIZED";
      case ALLOC_FAILED -> "CUBLAS_STATUS_ALLOC_FAILED";
      case 7 -> "CUBLAS_STATUS_INVALID_VALUE";
      case 8 -> "CUBLAS_STATUS_ARCH_MISMATCH";
      case 11 -> "CUBLAS_STATUS_MAPPING_ERROR";
      case 13 -> "CUBLAS_STATUS_EXECUTION_FAILED";
      case 14 -> "CUBLAS_STATUS_INTERNAL_ERROR";
      case 15 -> "CUBLAS_STATUS_NOT_SUPPORTED";
      case 16 -> "CUBLAS_STATUS_LICENSE_ERROR";
      default -> "an unknown cuBLAS error";
    };
  }
}
