package dev.nibble.kernels.cublas;

import dev.nibble.kernels.DeviceException;

/** Says which GPU and libraries would be used. */
public final class CudaReport {
  private static final int DEVICE = 0;

  private CudaReport() {}

  /**
   * One line such as {@code NVIDIA H100 (compute capability 9.0, 79.1 GiB), driver for CUDA 13.0,
   * cuBLAS 13.1.0 from /path/libcublas.so.13}. Opens the device for a moment; the libraries stay
   * loaded.
   *
   * @throws CudaUnavailableException if there is no usable GPU; the message says why
   * @throws DeviceException if there is one and it fails
   */
  public static String text(CudaOptions options) throws CudaUnavailableException {
    return text(Cuda.load(options));
  }

  @SuppressWarnings("try") // releases are there to be closed only
  static String text(Cuda cuda) {
    CudaDriver driver = cuda.driver();
    int device = driver.device(DEVICE);
    long context = driver.retainPrimaryContext(device);
    try (Release retained = () -> driver.releasePrimaryContext(device)) {
      driver.pushContext(context);
      try (Release current = driver::popContext) {
        return "%s (compute capability %d.%d, %s), driver for CUDA %s, cuBLAS %s from %s"
            .formatted(
                driver.deviceName(device),
                driver.attribute(device, CudaDriver.COMPUTE_CAPABILITY_MAJOR),
                driver.attribute(device, CudaDriver.COMPUTE_CAPABILITY_MINOR),
                DeviceSize.format(driver.totalMemory()),
                Cuda.version(driver.driverVersion()),
                blasVersion(cuda.blas()),
                cuda.libraries());
      }
    }
  }

  @SuppressWarnings("try") // see above
  private static String blasVersion(Cublas blas) {
    long handle = blas.create();
    try (Release created = () -> blas.destroy(handle)) {
      int version = blas.version(handle);
      return version / 10_000 + "." + version / 100 % 100 + "." + version % 100;
    }
  }

  /** Gives back what was taken; what it throws does not hide an earlier exception. */
  private interface Release extends AutoCloseable {
    @Override
    void close();
  }
}
