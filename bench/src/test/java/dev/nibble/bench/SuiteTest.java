package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The program as a user runs it, in a process of its own. */
class SuiteTest {
  private static final String INCUBATOR = "WARNING: Using incubator modules: jdk.incubator.vector";

  @TempDir Path folder = Path.of("");

  private record Ended(int code, String out, List<String> err) {}

  private Process start(String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx256m");
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.addAll(
        List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
    command.addAll(List.of("-Djmh.ignoreLock=true", "-cp", System.getProperty("java.class.path")));
    command.add("dev.nibble.bench.Suite");
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectError(folder.resolve("err.txt").toFile())
        .redirectOutput(folder.resolve("out.txt").toFile())
        .start();
  }

  private Ended await(Process process) throws IOException, InterruptedException {
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("ended").isTrue();
    } finally {
      process.destroyForcibly();
    }
    String err = Files.readString(folder.resolve("err.txt"), StandardCharsets.UTF_8);
    return new Ended(
        process.exitValue(),
        Files.readString(folder.resolve("out.txt"), StandardCharsets.UTF_8),
        err.lines().filter(line -> !line.equals(INCUBATOR)).toList());
  }

  @ParameterizedTest
  @CsvSource({
    "--bad, , Unknown argument",
    "--threads, 0, 1 to 1024",
    "--only, no such benchmark, --list prints them all"
  })
  void badArgumentsGiveOneSentenceAndCode2(String option, @Nullable String value, String expected)
      throws Exception {
    Ended ended = await(value == null ? start(option) : start(option, value));
    assertThat(ended.err()).singleElement().asString().startsWith("nibble: ").contains(expected);
    assertThat(ended.code()).isEqualTo(2);
  }

  @Test
  void listsWhatItWouldMeasure() throws Exception {
    Ended ended = await(start("--quick", "--only", "step", "--list"));
    assertThat(ended.out().lines())
        .contains("peak fma", "step resnet20 int4 batch 128")
        .noneMatch(line -> line.startsWith("stage"));
    assertThat(ended.code()).isZero();
  }

  @Test
  void reportsWhatIsKnownWhenItIsStopped() throws Exception {
    Path json = folder.resolve("results.json");
    Process process = start("--only", "codes int8", "--json", json.toString());
    Path err = folder.resolve("err.txt");
    for (int i = 0; i < 1000 && !Files.readString(err).contains("[ 1/"); i++) {
      Thread.sleep(100);
    }
    process.destroy();
    Ended ended = await(process);
    assertThat(ended.err().getLast()).startsWith("nibble: Stopped after 0 of 7 benchmarks");
    assertThat(ended.out()).contains("kernels vector", "Written to");
    assertThat(Files.readString(json)).contains("\"results\": []");
    assertThat(ended.code()).isEqualTo(143);
  }
}
