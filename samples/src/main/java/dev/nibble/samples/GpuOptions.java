package dev.nibble.samples;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.Precision;
import dev.nibble.kernels.provider.KernelProvider;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How training uses a GPU; null where the user gave nothing. */
final class GpuOptions {
  /** The kernels that compute on a GPU. */
  static final String CUBLAS = "cublas";

  @Option(
      names = "--gpu-precision",
      paramLabel = "TYPE",
      description =
          "How a GPU multiplies: fp32; tf32 or bf16, faster and with fewer digits. Default: fp32.")
  @Nullable String precision;

  @Option(
      names = "--gpu-fallback",
      description = "Compute a layer on the CPU for which the GPU has too little memory.")
  @Nullable Boolean fallback;

  GpuOptions() {}

  /** Options as they were saved. */
  GpuOptions(@Nullable String precision, @Nullable Boolean fallback) {
    this.precision = precision;
    this.fallback = fallback;
  }

  /** What the system properties say, with what was given in its place. */
  CudaOptions cuda() {
    CudaOptions options = KernelProvider.cudaOptions();
    if (precision != null) {
      List<String> names = Arrays.stream(Precision.values()).map(Precision::text).toList();
      options =
          options.withPrecision(Precision.of(Names.choose("--gpu-precision", precision, names)));
    }
    return fallback == null ? options : options.withFallback(fallback);
  }

  /**
   * The provider of that name.
   *
   * @param name null for that of the system property, or the best one
   * @throws BadInputException if an option is given that those kernels have no use for
   */
  Kernels choose(@Nullable String name) {
    String asked =
        name == null ? System.getProperty(KernelProvider.PROPERTY, KernelNames.AUTO) : name;
    if (name != null) {
      asked = KernelOption.checked(name);
    }
    String given =
        precision != null ? "--gpu-precision" : fallback != null ? "--gpu-fallback" : null;
    if (given != null && !mayUseGpu(asked)) {
      throw new BadInputException(
          "%s belongs to --kernels %s and %s, but --kernels is %s: leave it out."
              .formatted(given, CUBLAS, KernelNames.AUTO, asked));
    }
    return KernelProvider.choose(asked, cuda());
  }

  /** Whether the kernels of that name may compute on a GPU. */
  static boolean mayUseGpu(String name) {
    return name.equals(CUBLAS) || name.equals(KernelNames.AUTO);
  }
}
