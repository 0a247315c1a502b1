package dev.nibble.kernels.provider;

import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.cublas.AutoKernels;
import dev.nibble.kernels.cublas.CublasKernels;
import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.CudaReport;
import dev.nibble.kernels.cublas.CudaUnavailableException;
import dev.nibble.kernels.scalar.ScalarKernels;
import dev.nibble.kernels.vector.VectorKernels;
import java.lang.System.Logger.Level;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Chooses who computes: the best provider that this JVM can run, or the one that was asked for. */
public final class KernelProvider {
  /** System property that names a provider where no name is given: auto, cublas, ... */
  public static final String PROPERTY = "nibble.kernels";

  /**
   * System property, {@code on} (the default) or {@code off}: whether the vector kernels may
   * compute 3x3 convolutions by Winograd's algorithm, which rounds differently.
   */
  public static final String WINOGRAD_PROPERTY = "nibble.winograd";

  private static final String LOGGER = "dev.nibble.kernels";
  private static final String AUTO = "auto";
  private static final String SCALAR = "scalar";
  private static final String VECTOR = "vector";
  private static final String CUBLAS = CublasKernels.NAME;

  private KernelProvider() {}

  /** Names of all providers, available or not. */
  public static List<String> names() {
    return List.of(CUBLAS, VECTOR, SCALAR);
  }

  /**
   * What the system properties say about NVIDIA's libraries.
   *
   * @throws KernelUnavailableException if a property has no such value
   */
  public static CudaOptions cudaOptions() {
    return CudaProperties.read();
  }

  /** Whether a GPU can be used, and which; opens the device for a moment. */
  public static GpuStatus gpu(CudaOptions options) {
    try {
      return new GpuStatus(true, CudaReport.text(options));
    } catch (CudaUnavailableException | DeviceException e) {
      return new GpuStatus(false, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Returns a provider; one serves all threads and sessions. {@code auto} is the CPU's best and,
   * for a training that a measurement finds faster there, a GPU.
   *
   * @param request {@code auto}, {@code cublas}, {@code vector} or {@code scalar}; null for what
   *     the system property {@link #PROPERTY} says, or auto without it
   * @throws KernelUnavailableException if the name is unknown, or names what this JVM cannot run
   */
  public static Kernels choose(@Nullable String request) {
    return choose(request, cudaOptions());
  }

  /**
   * Returns a provider.
   *
   * @param request as above
   * @param cuda how a GPU is found and used, if one is
   * @throws KernelUnavailableException if the name is unknown, or names what this JVM cannot run
   */
  public static Kernels choose(@Nullable String request, CudaOptions cuda) {
    String name = request != null ? request : System.getProperty(PROPERTY, AUTO);
    Kernels kernels =
        switch (name) {
          case AUTO -> best(cuda);
          case SCALAR -> new ScalarKernels();
          case VECTOR -> vector();
          case CUBLAS -> cublas(cuda);
          default ->
              throw new KernelUnavailableException(
                  "There are no kernels named %s; choose one of %s, %s"
                      .formatted(name, AUTO, String.join(", ", names())));
        };
    log(name, kernels);
    return kernels;
  }

  /** One sentence that says why the vector provider cannot run and what to do; null if it can. */
  public static @Nullable String whyNoVector() {
    return VectorSupport.whyNot();
  }

  /** The CPU's best, and a device beside it where there is one. */
  private static Kernels best(CudaOptions cuda) {
    HostKernels host = host();
    try {
      return new AutoKernels(CublasKernels.load(cuda, host), KernelProvider::logFailure);
    } catch (CudaUnavailableException e) {
      logNoDevice(e);
      return host;
    }
  }

  private static HostKernels host() {
    if (whyNoVector() == null) {
      return vector();
    }
    Fallback.announce();
    return new ScalarKernels();
  }

  private static Kernels cublas(CudaOptions cuda) {
    try {
      return CublasKernels.load(cuda, host());
    } catch (CudaUnavailableException e) {
      throw new KernelUnavailableException(
          "The cublas kernels cannot run: %s; auto does without".formatted(e.getMessage()));
    }
  }

  private static HostKernels vector() {
    String reason = whyNoVector();
    if (reason != null) {
      throw new KernelUnavailableException("The vector kernels cannot run: " + reason);
    }
    // Only here is the class touched, so that a JVM without the Vector API never links it.
    return new VectorKernels(winograd());
  }

  private static boolean winograd() {
    String value = System.getProperty(WINOGRAD_PROPERTY, "on");
    return switch (value) {
      case "on" -> true;
      case "off" -> false;
      default ->
          throw new KernelUnavailableException(
              WINOGRAD_PROPERTY + " must be on or off, not " + value);
    };
  }

  /** Warns once in a JVM, when it is initialised: whoever asked for the best may not notice. */
  private static final class Fallback {
    static {
      System.getLogger(LOGGER)
          .log(Level.WARNING, "Using the slower scalar kernels: {0}.", whyNoVector());
    }

    private Fallback() {}

    static void announce() {}
  }

  private static void logNoDevice(CudaUnavailableException reason) {
    System.getLogger(LOGGER).log(Level.DEBUG, "No cublas kernels: {0}", reason.getMessage());
  }

  /** A warning: whoever has a GPU would wonder why it is not used. */
  private static void logFailure(DeviceException failure) {
    System.getLogger(LOGGER)
        .log(
            Level.WARNING,
            "The GPU failed when it was tried, so that the CPU computes: {0}.",
            failure.getMessage());
  }

  /** At debug level: the JDK's own logger prints anything higher on the console. */
  private static void log(String name, Kernels kernels) {
    System.Logger logger = System.getLogger(LOGGER);
    if (logger.isLoggable(Level.DEBUG)) {
      String reason = whyNoVector();
      logger.log(
          Level.DEBUG,
          "Kernels: {0}, asked for {1}{2}",
          kernels.description(),
          name,
          reason == null ? "" : "; no vector kernels: " + reason);
    }
  }
}
