package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.provider.KernelProvider;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A JVM that loads libraries: what it is given, and what it said. */
final class CudaChild {
  private final Path folder;
  private final List<String> options = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();
  private boolean nativeAccess = true;

  /**
   * A child without any of the machine's own CUDA settings.
   *
   * @param folder for its output
   */
  CudaChild(Path folder) {
    this.folder = folder;
  }

  CudaChild libdir(Path libdir) {
    return option("-D" + CudaOptions.LIBDIR_PROPERTY + "=" + libdir);
  }

  CudaChild option(String option) {
    options.add(option);
    return this;
  }

  CudaChild with(String variable, Object value) {
    environment.put(variable, value.toString());
    return this;
  }

  CudaChild withoutNativeAccess() {
    nativeAccess = false;
    return this;
  }

  /** Runs {@link CudaProbe} and returns what it printed; it prints nothing as errors. */
  List<String> run(String... requests) throws IOException, InterruptedException {
    Path output = Files.createTempFile(folder, "child", ".out");
    Path errors = Files.createTempFile(folder, "child", ".err");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "--add-modules=jdk.incubator.vector"));
    if (!List.of(requests).contains("auto")) {
      // A short life that measures nothing.
      command.add("-XX:TieredStopAtLevel=1");
    }
    if (nativeAccess) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    command.addAll(options);
    command.addAll(List.of("-cp", classPath(), CudaProbe.class.getName()));
    command.addAll(List.of(requests));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(output.toFile()).redirectError(errors.toFile());
    List.of("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH").forEach(builder.environment()::remove);
    builder.environment().putAll(environment);
    Process process = builder.start();
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    process.destroyForcibly();
    assertThat(ended).as("the child ended in time").isTrue();
    String printed = Files.readString(errors, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as("exit code; %s", printed).isZero();
    assertThat(printed.lines().filter(line -> !line.contains("incubator module")))
        .as("what the child printed as errors")
        .isEmpty();
    return Files.readAllLines(output, StandardCharsets.UTF_8);
  }

  private static String classPath() {
    try {
      Path classes =
          Path.of(KernelProvider.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      return classes + File.pathSeparator + classes.resolveSibling("test-classes");
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
