package dev.nibble.kernels.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Kernels;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Once compiled, stages allocate nothing: a vector that C2 fails to keep in a register is an
 * object, so this is what tells vector code from its slow shadow. In a JVM of its own, since what
 * C2 inlines depends on what else ran, and one that waits for its compilers, so that a busy machine
 * changes nothing but the time.
 */
final class AllocationTest {
  @TempDir private Path folder;

  @Test
  void stagesAllocateNothing() throws Exception {
    assertThat(probe()).as("bytes on the heap for one pass over all stages").isEqualTo("0");
  }

  private String probe() throws Exception {
    Path classes =
        Path.of(Kernels.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path output = folder.resolve("probe");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Xbatch",
                "-XX:CompileThresholdScaling=0.2",
                "-cp",
                String.join(
                    File.pathSeparator,
                    classes.toString(),
                    classes.resolveSibling("test-classes").toString()),
                AllocationProbe.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(4, TimeUnit.MINUTES);
    process.destroyForcibly();
    assertThat(ended).as("the probe ended in time").isTrue();
    List<String> lines = Files.readAllLines(output, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as("%s", lines).isZero();
    return lines.getLast();
  }
}
