package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Shared libraries that stand in for NVIDIA's, built with gcc from {@code src/test/c}; the head of
 * {@code standin.h} and of {@code libcuda.c} say which environment variables they read. They are
 * loaded in child JVMs only: in this one they would stay.
 */
final class StandInLibraries {
  static final String DRIVER = "libcuda.so.1";

  private static final Path SOURCES =
      Path.of(System.getProperty("nibble.root", ".."), "simd-kernels", "src", "test", "c");

  private StandInLibraries() {}

  /** Skips a test on a machine that can't build them; with CI=true it fails there. */
  static void assumeCompiler() {
    assumeLinux();
    boolean found =
        List.of(System.getenv().getOrDefault("PATH", "").split(":", -1)).stream()
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "gcc")));
    if ("true".equals(System.getenv("CI"))) {
      assertThat(found).as("gcc is on the PATH: install gcc and libc6-dev").isTrue();
    }
    assumeTrue(found, "there is no gcc to build stand-in libraries with");
  }

  static void assumeLinux() {
    assumeTrue(
        System.getProperty("os.name", "").equals("Linux"), "CUDA is only looked for on Linux");
  }

  /** Builds a driver and cuBLAS 13 into a folder, which it creates. */
  static Path all(Path folder) throws IOException, InterruptedException {
    driver(folder);
    return blas(folder, 13);
  }

  /**
   * Builds a driver.
   *
   * @param flags of gcc; {@code -DcuInit=other} leaves out {@code cuInit}
   */
  static Path driver(Path folder, String... flags) throws IOException, InterruptedException {
    compile(folder, "libcuda.c", DRIVER, flags);
    return folder;
  }

  /**
   * Builds cuBLAS and cublasLt, which it needs.
   *
   * @param flags of gcc for cuBLAS
   */
  static Path blas(Path folder, int major, String... flags)
      throws IOException, InterruptedException {
    String light = "libcublasLt.so." + major;
    compile(folder, "libcublasLt.c", light);
    List<String> all = new ArrayList<>(List.of(flags));
    all.addAll(List.of("-DMAJOR=" + major, "-L" + folder, "-l:" + light));
    compile(folder, "libcublas.c", "libcublas.so." + major, all.toArray(String[]::new));
    return folder;
  }

  /** Builds a library of nothing. */
  static void empty(Path folder, String name) throws IOException, InterruptedException {
    compile(folder, "/dev/null", name, "-x", "c");
  }

  private static void compile(Path folder, String source, String name, String... flags)
      throws IOException, InterruptedException {
    Files.createDirectories(folder);
    List<String> command = new ArrayList<>(List.of("gcc", "-std=c11", "-D_GNU_SOURCE", "-O2"));
    command.addAll(List.of("-Wall", "-Wextra", "-Werror", "-Wno-unused-function"));
    command.addAll(List.of("-fPIC", "-shared", "-fvisibility=hidden", "-pthread"));
    command.add("-Wl,-soname," + name);
    command.addAll(List.of("-o", folder.resolve(name).toString()));
    // What is behind the source is linked in the order in which it is needed.
    List<String> before = List.of(flags).stream().filter(flag -> !flag.startsWith("-l")).toList();
    command.addAll(before);
    command.add(SOURCES.resolve(source).toString());
    command.addAll(List.of(flags).stream().filter(flag -> flag.startsWith("-l")).toList());
    Path output = Files.createTempFile("gcc", ".txt");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      boolean ended = process.waitFor(60, TimeUnit.SECONDS);
      process.destroyForcibly();
      assertThat(ended).as("gcc ended in time").isTrue();
      assertThat(process.exitValue())
          .as("%s: %s", command, Files.readString(output, StandardCharsets.UTF_8))
          .isZero();
    } finally {
      Files.delete(output);
    }
  }
}
