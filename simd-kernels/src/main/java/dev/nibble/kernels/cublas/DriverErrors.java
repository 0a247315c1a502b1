package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/** Turns the driver's statuses into exceptions, with the names that the driver has for them. */
final class DriverErrors {
  static final int OUT_OF_MEMORY = 2;
  static final int STUB_LIBRARY = 34;
  static final int NO_DEVICE = 100;

  private final AtomicBoolean failed = new AtomicBoolean();
  private final NativeFunction errorName;
  private final NativeFunction errorString;

  DriverErrors(Symbols symbols) throws CudaUnavailableException {
    errorName = symbols.function("cuGetErrorName", JAVA_INT, JAVA_LONG);
    errorString = symbols.function("cuGetErrorString", JAVA_INT, JAVA_LONG);
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

  /**
   * The exception for a status.
   *
   * @param details what the call was about; empty for the driver's own words
   */
  DeviceException exception(int status, NativeFunction function, String details) {
    if (status != OUT_OF_MEMORY) {
      failed.set(true);
    }
    String name = text(errorName, status);
    return new DeviceException(
        name.isEmpty() ? "an unknown CUDA error" : name,
        status,
        function.name(),
        details.isEmpty() ? text(errorString, status) : details,
        status == OUT_OF_MEMORY);
  }

  /** Empty where the driver does not know the status. */
  private static String text(NativeFunction function, int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      boolean known = function.call(status, out.address()) == 0;
      return known ? NativeFunction.text(out.get(JAVA_LONG, 0)) : "";
    }
  }
}
