package dev.nibble.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The engine trains and predicts where nobody has added Micrometer. */
class WithoutMicrometerTest {
  @Test
  void theEngineWorksWithoutTheOptionalDependency() throws IOException, InterruptedException {
    Path root = Path.of(System.getProperty("nibble.root", "..")).toAbsolutePath();
    String classPath =
        Stream.of(
                "memory/target/classes",
                "simd-kernels/target/classes",
                "engine/target/classes",
                "engine/target/test-classes")
            .map(folder -> root.resolve(folder).toString())
            .collect(Collectors.joining(File.pathSeparator));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath,
                WithoutMicrometerMain.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(output.lines())
        .as(output)
        .hasSize(3)
        .satisfiesExactly(
            first -> assertThat(first).isEqualTo("steps 1"),
            second -> assertThat(second).isEqualTo("heard 2"),
            third -> assertThat(third).startsWith("missing io/micrometer/"));
    assertThat(process.exitValue()).isZero();
  }
}
