package dev.nibble.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A user who does not enable native access gets plain memory: no warning, no failure. */
class NoNativeAccessTest {
  @ParameterizedTest
  @ValueSource(strings = {"--illegal-native-access=deny", "--illegal-native-access=warn"})
  void plainMemoryStandsInSilently(String option) throws IOException, InterruptedException {
    Path target = Path.of(System.getProperty("basedir", ""), "target").toAbsolutePath();
    String classPath =
        target.resolve("classes")
            + System.getProperty("path.separator")
            + target.resolve("test-classes");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx64m", option, "-cp", classPath));
    command.add(NoNativeAccessMain.class.getName());

    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(output.lines())
        .as(output)
        .hasSize(2)
        .satisfiesExactly(
            first -> assertThat(first).isEqualTo("bytes 8388608 huge false"),
            second -> assertThat(second).startsWith("used 0 workspace needs 1 EiB"));
    assertThat(process.exitValue()).isZero();
  }
}
