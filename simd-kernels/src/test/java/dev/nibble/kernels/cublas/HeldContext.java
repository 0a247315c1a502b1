package dev.nibble.kernels.cublas;

import dev.nibble.kernels.provider.KernelProvider;

/**
 * A real device's context, kept until the JVM ends. Making one and loading cuBLAS's code into it
 * takes a good part of a second, and the tests open thousands of sessions one after the other.
 */
public final class HeldContext {
  private HeldContext() {}

  /** Keeps it; returns whether there is one. */
  public static boolean hold() {
    try {
      CudaDriver driver = Cuda.load(KernelProvider.cudaOptions()).driver();
      return driver.retainPrimaryContext(driver.device(0)) != 0;
    } catch (CudaUnavailableException e) {
      return false;
    }
  }
}
