package dev.nibble.kernels.cublas;

import dev.nibble.kernels.DeviceException;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The CUDA driver, started, and cuBLAS.
 *
 * @param libraries where cuBLAS was found, for people
 * @param overrides variables of the environment with which a user changes the precision of cuBLAS
 *     behind everybody's back, for people; empty for none
 */
record Cuda(CudaDriver driver, Cublas blas, String libraries, String overrides) {
  private static final List<String> OVERRIDES =
      List.of("NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION");

  /** The oldest CUDA whose cuBLAS has all that is used, as the driver counts versions. */
  private static final int OLDEST = 12_000;

  /**
   * Finds and loads the libraries, the driver first; they stay loaded for as long as the process
   * runs. Without a driver and a device, nothing of cuBLAS is loaded.
   *
   * @throws CudaUnavailableException if there is no usable GPU; the message says why
   */
  static Cuda load(CudaOptions options) throws CudaUnavailableException {
    return load(options, CudaHost.current());
  }

  static Cuda load(CudaOptions options, CudaHost host) throws CudaUnavailableException {
    host.check();
    LibrarySearch search = new LibrarySearch(options, host.environment());
    CudaLibraries libraries = new CudaLibraries(search, new DynamicLinker());
    CudaDriver driver = libraries.driver();
    CudaLibraries.Blas blas = libraries.blas(start(driver));
    return new Cuda(driver, blas.functions(), blas.text(), overrides(host));
  }

  /**
   * Binds libraries that are loaded already.
   *
   * @throws CudaUnavailableException if one lacks a function, or the driver is too old or finds no
   *     device
   */
  static Cuda of(SymbolLookup driver, SymbolLookup blas) throws CudaUnavailableException {
    CudaDriver started = new CudaDriver(driver);
    start(started);
    return new Cuda(started, new Cublas(blas), "a library given", "");
  }

  private static String overrides(CudaHost host) {
    return OVERRIDES.stream()
        .filter(name -> host.environment().apply(name) != null)
        .map(name -> name + "=" + host.environment().apply(name))
        .collect(Collectors.joining(", "));
  }

  /** Whether a call failed for more than want of memory: most such failures are for good. */
  boolean hasFailed() {
    return driver.hasFailed() || blas.hasFailed();
  }

  /** A version as people write it. */
  static String version(int driverVersion) {
    return driverVersion / 1000 + "." + driverVersion % 1000 / 10;
  }

  /**
   * What the driver says before a context is made.
   *
   * @param version of CUDA, as the driver counts
   * @param capability of the device: 10 times the major version, plus the minor
   */
  record Started(int version, int capability) {}

  /** Starts the driver. */
  private static Started start(CudaDriver driver) throws CudaUnavailableException {
    try {
      driver.init();
      int version = driver.driverVersion();
      if (version < OLDEST) {
        throw new CudaUnavailableException(
            "the driver supports CUDA %s, but cuBLAS 12 or newer is needed: update the driver"
                .formatted(version(version)));
      }
      if (driver.deviceCount() == 0) {
        throw new CudaUnavailableException("the driver finds no device");
      }
      return new Started(version, driver.capability(driver.device(0)));
    } catch (DeviceException e) {
      throw new CudaUnavailableException(reason(e, driver));
    }
  }

  private static String reason(DeviceException e, CudaDriver driver) {
    return switch (e.code()) {
      case DriverErrors.NO_DEVICE -> "the driver finds no device (" + e.status() + ")";
      case DriverErrors.STUB_LIBRARY ->
          "%s is a CUDA toolkit's stub, which only links programs (CUDA_ERROR_STUB_LIBRARY): install the NVIDIA driver"
              .formatted(driver.library());
      default -> "the driver does not start: " + e.getMessage();
    };
  }
}
