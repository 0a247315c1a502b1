package dev.nibble.kernels.provider;

import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.Precision;
import java.io.File;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the system properties of {@link CudaOptions}. */
final class CudaProperties {
  private CudaProperties() {}

  static CudaOptions read() {
    return new CudaOptions(
        path(CudaOptions.LIBDIR_PROPERTY), paths(CudaOptions.ROOTS_PROPERTY), precision(), on());
  }

  private static @Nullable Path path(String property) {
    String value = System.getProperty(property);
    return value == null || value.isBlank() ? null : parse(property, value);
  }

  private static List<Path> paths(String property) {
    List<Path> paths = new ArrayList<>();
    for (String part : System.getProperty(property, "").split(File.pathSeparator, -1)) {
      if (!part.isBlank()) {
        paths.add(parse(property, part));
      }
    }
    return paths;
  }

  private static Path parse(String property, String value) {
    try {
      return Path.of(value);
    } catch (InvalidPathException e) {
      throw new KernelUnavailableException(property + " names no path: " + e.getMessage());
    }
  }

  private static Precision precision() {
    String property = CudaOptions.PRECISION_PROPERTY;
    try {
      return Precision.of(System.getProperty(property, Precision.FP32.text()));
    } catch (IllegalArgumentException e) {
      throw new KernelUnavailableException(property + ": " + e.getMessage());
    }
  }

  private static boolean on() {
    String value = System.getProperty(CudaOptions.FALLBACK_PROPERTY, "off");
    return switch (value) {
      case "on" -> true;
      case "off" -> false;
      default ->
          throw new KernelUnavailableException(
              CudaOptions.FALLBACK_PROPERTY + " must be on or off, not " + value);
    };
  }
}
