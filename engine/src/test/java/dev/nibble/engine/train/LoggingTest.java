package dev.nibble.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a user sees in the log: a line for each thing worth one, and nothing by default. */
class LoggingTest {
  @TempDir private Path folder;

  @Test
  void theFewThingsWorthALineHaveOne() throws IOException, InterruptedException {
    Path levels =
        Files.writeString(
            folder.resolve("logging.properties"),
            """
            handlers = java.util.logging.ConsoleHandler
            java.util.logging.ConsoleHandler.level = ALL
            java.util.logging.SimpleFormatter.format = %4$s %3$s: %5$s%n
            dev.nibble.level = FINE
            """);
    List<String> lines = run("-Djava.util.logging.config.file=" + levels);
    assertThat(lines)
        .satisfiesExactly(
            line -> assertThat(line).startsWith("FINE dev.nibble.kernels: Kernels: scalar"),
            line ->
                assertThat(line)
                    .startsWith("FINE dev.nibble.memory: No huge pages for workspace")
                    .contains("native access is off"),
            line ->
                assertThat(line)
                    .startsWith(
                        "FINE dev.nibble.engine.train: Training small from step 1 to 2, batch 64"),
            line ->
                assertThat(line)
                    .startsWith("FINE dev.nibble.engine.checkpoint: Saved checkpoint")
                    .endsWith("step-000000001.nibble."),
            // Before an evaluation, and with its result.
            line -> assertThat(line).endsWith("step-000000001.nibble."),
            line -> assertThat(line).endsWith("step-000000002.nibble."),
            line -> assertThat(line).endsWith("step-000000002.nibble."),
            line ->
                assertThat(line)
                    .startsWith("FINE dev.nibble.engine.train: Training small ended after step 2"),
            line ->
                assertThat(line)
                    .startsWith("WARNING dev.nibble.engine.checkpoint: ")
                    .contains("step-000000002.nibble")
                    .endsWith("Using step-000000001.nibble instead."));
  }

  @Test
  void byDefaultOnlyWhatIsAmissIsSaid() throws IOException, InterruptedException {
    assertThat(run("-Djava.util.logging.SimpleFormatter.format=%4$s %3$s: %5$s%n"))
        .singleElement()
        .asString()
        .startsWith("WARNING dev.nibble.engine.checkpoint: ");
  }

  /** Lines on the console of a JVM that may not call native code, so that it has no huge pages. */
  private List<String> run(String option) throws IOException, InterruptedException {
    Path root = Path.of(System.getProperty("nibble.root", "..")).toAbsolutePath();
    String classPath =
        Stream.of(
                "memory/target/classes",
                "simd-kernels/target/classes",
                "engine/target/classes",
                "engine/target/test-classes")
            .map(part -> root.resolve(part).toString())
            .collect(Collectors.joining(File.pathSeparator));
    Path errors = Files.createTempFile(folder, "child", ".err");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "--illegal-native-access=deny",
                option,
                "-cp",
                classPath,
                LoggingMain.class.getName(),
                folder.resolve("checkpoints").toString())
            .redirectError(errors.toFile())
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    List<String> lines = Files.readAllLines(errors);
    assertThat(output).as("%s", lines).isEqualTo("loaded 1\n");
    assertThat(process.exitValue()).isZero();
    return lines;
  }
}
