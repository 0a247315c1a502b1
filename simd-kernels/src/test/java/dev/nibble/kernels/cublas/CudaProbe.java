package dev.nibble.kernels.cublas;

import dev.nibble.kernels.provider.GpuStatus;
import dev.nibble.kernels.provider.KernelProvider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The main class of the child JVMs in which libraries are loaded. */
public final class CudaProbe {
  private CudaProbe() {}

  /**
   * Does one thing after the other, and prints a line or a few for each.
   *
   * @param arguments {@code gpu}: whether a GPU can be used; {@code auto}: which kernels are
   *     chosen; {@code mapped}: the files of NVIDIA's that are mapped; {@code work}: see {@link
   *     DeviceWork}; another: whether the system's linker finds that library
   */
  public static void main(String[] arguments) throws Exception {
    for (String argument : arguments) {
      switch (argument) {
        case "gpu" -> {
          GpuStatus status = KernelProvider.gpu(KernelProvider.cudaOptions());
          System.out.println(
              (status.available() ? "available: " : "not available: ") + status.text());
        }
        case "auto" -> System.out.println(KernelProvider.choose("auto").name());
        case "mapped" -> printMapped();
        case "work" -> DeviceWork.run(Cuda.load(KernelProvider.cudaOptions()));
        default -> System.out.println(argument + " " + isFound(argument));
      }
    }
  }

  private static void printMapped() throws IOException {
    Files.readAllLines(Path.of("/proc/self/maps"), StandardCharsets.UTF_8).stream()
        .map(line -> line.replaceFirst("^[^/]*", ""))
        .filter(file -> file.contains("/libcu"))
        .distinct()
        .forEach(file -> System.out.println("mapped " + file));
  }

  private static boolean isFound(String library) throws CudaUnavailableException {
    try {
      NativeLibrary.open(library, new DynamicLinker());
      return true;
    } catch (DynamicLinker.LoadException e) {
      return false;
    }
  }
}
