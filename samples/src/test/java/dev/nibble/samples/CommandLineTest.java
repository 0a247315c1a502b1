package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {
  @Test
  void showsItsCommandsWithoutArguments() {
    InProcess result = InProcess.run();
    assertThat(result.code()).isZero();
    assertThat(result.out())
        .contains(
            "train", "evaluate", "predict", "export", "inspect", "plan", "info", "data", "bench");
  }

  /** A list of commands shows the first line of each description: a sentence, not its start. */
  @Test
  void listsEachCommandWithASentence() {
    String list = InProcess.run().out();
    String commands = list.substring(list.indexOf("Commands:\n") + 10, list.indexOf("Start here"));
    assertThat(commands.replaceAll("\n {5,}", " ").lines())
        .hasSizeGreaterThan(10)
        .allMatch(line -> line.isBlank() || line.endsWith("."));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train",
        "lr-find",
        "evaluate",
        "predict",
        "export",
        "inspect",
        "plan",
        "gradients",
        "info",
        "data fetch",
        "serve",
        "bench",
        "evidence"
      })
  void teachesEachCommandWithExamples(String command) {
    InProcess result = InProcess.run((command + " --help").split(" ", -1));
    assertThat(result.code()).isZero();
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).contains("nibble " + command, "Example", "  nibble " + command);
  }

  @Test
  void knowsItsVersion() {
    assertThat(InProcess.run("--version").out().strip())
        .matches("nibble [0-9]+\\.[0-9]+\\.[0-9]+(-SNAPSHOT)?");
  }

  @Test
  void describesTheMachine() {
    InProcess result = InProcess.run("info", "--kernels", "scalar");
    assertThat(result.code()).isZero();
    assertThat(result.out().lines().map(line -> line.substring(0, 15).strip()))
        .contains("JDK", "processor", "kernels", "threads", "memory", "huge pages", "GPU");
    assertThat(result.out()).contains("scalar");
  }

  @Test
  void takesNamesInAnyCase() {
    InProcess result =
        InProcess.run("plan", "--model", "ResNet8", "--activations", "INT4", "--batch", "2");
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).startsWith("resnet8,").contains("int4 activations");
  }

  @Test
  void showsWhereAnErrorAroseOnlyOnRequest() {
    InProcess quiet = InProcess.run("plan", "--model", "vgg17");
    assertThat(quiet.err().lines()).hasSize(1);
    InProcess loud = InProcess.run("plan", "--model", "vgg17", "--stacktrace");
    assertThat(loud.err()).contains("at dev.nibble.").contains("nibble: Unknown model 'vgg17'");
    assertThat(loud.code()).isEqualTo(2);
  }
}
