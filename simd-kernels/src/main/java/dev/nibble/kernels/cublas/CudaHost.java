package dev.nibble.kernels.cublas;

import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What the process says about itself before a library is looked for.
 *
 * @param system the operating system's name
 * @param nativeAccess whether this module may call native code without the JVM's warning
 * @param environment the environment's variables by name; null for one that isn't set
 */
record CudaHost(String system, boolean nativeAccess, UnaryOperator<@Nullable String> environment) {
  static CudaHost current() {
    return new CudaHost(
        System.getProperty("os.name", "an unknown system"),
        CudaHost.class.getModule().isNativeAccessEnabled(),
        System::getenv);
  }

  /** Refuses a process in which nothing may or can be loaded. */
  void check() throws CudaUnavailableException {
    if (!system.equals("Linux")) {
      throw new CudaUnavailableException("CUDA is only looked for on Linux, and this is " + system);
    }
    if (!nativeAccess) {
      throw new CudaUnavailableException(
          "native access is off; start java with --enable-native-access=dev.nibble.kernels"
              + " (ALL-UNNAMED on the class path)");
    }
  }
}
