package dev.nibble.samples;

import dev.nibble.kernels.DeviceException;
import java.io.Serial;

/** Says in one sentence that a device failed, and how to go on. */
final class DeviceFailedException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  DeviceFailedException(DeviceException cause, String goOn) {
    super("The GPU failed: " + cause.getMessage() + ". " + goOn, cause);
  }

  /** For a command that has nothing to go on with. */
  static DeviceFailedException of(DeviceException cause) {
    return new DeviceFailedException(cause, "Try again, or compute with --kernels vector.");
  }
}
