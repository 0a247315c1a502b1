package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.bench.Peers.Outcome;
import dev.nibble.bench.Peers.Program;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeersTest {
  private static final Program PROGRAM =
      new Program("step", "peer.py", List.of("--batch", "7"), "torch numpy");

  @TempDir Path folder = Path.of("");

  private Outcome run(String script) throws IOException, InterruptedException {
    Files.writeString(folder.resolve("peer.py"), script);
    return new Peers(folder, Map.of(Peers.PYTHON_VARIABLE, "sh")).run(PROGRAM);
  }

  @Test
  void aProgramsLastLineIsItsResult() throws Exception {
    Outcome outcome =
        run("echo loading; echo '{\"peer\": \"p\", \"step_seconds\": 0.5, \"batch\": '$2'}'");
    assertThat(outcome.missing()).isNull();
    assertThat(outcome.result())
        .isNotNull()
        .satisfies(
            result -> {
              assertThat(result.get("kind").asString()).isEqualTo("peer");
              assertThat(result.get("seconds").asDouble()).isEqualTo(0.5);
              assertThat(result.get("batch").asLong()).isEqualTo(7);
            });
  }

  @Test
  void whatIsNotInstalledIsSkippedWithOneLine() throws Exception {
    Outcome outcome = run("echo 'Traceback'>&2; echo 'No module named torch'>&2; exit 1");
    assertThat(outcome.result()).isNull();
    assertThat(outcome.missing())
        .isEqualTo(
            "Skipped peer step: No module named torch; get it with: sh -m pip install torch numpy.");
  }

  @Test
  void otherOutputIsSkipped() throws Exception {
    assertThat(run("echo hello").missing()).contains("printed no JSON object but 'hello'");
  }

  @Test
  void aProgramThatIsNotThereIsSkipped() throws Exception {
    Outcome outcome = new Peers(folder, Map.of(Peers.PYTHON_VARIABLE, "sh")).run(PROGRAM);
    assertThat(outcome.missing())
        .startsWith("Skipped peer step: the program ")
        .contains("not there");
  }

  @Test
  void aPythonThatIsNotThereIsSkipped() throws Exception {
    Files.writeString(folder.resolve("peer.py"), "");
    Path python = folder.resolve("python");
    Outcome outcome =
        new Peers(folder, Map.of(Peers.PYTHON_VARIABLE, python.toString())).run(PROGRAM);
    assertThat(outcome.missing()).contains("python", Peers.PYTHON_VARIABLE);
  }

  @Test
  void djlIsSkippedWhereItIsNotBuilt() {
    assertThat(Peers.djl(true, 2, Pattern.compile("step")))
        .singleElement()
        .satisfies(
            c -> {
              assertThat(c.label()).isEqualTo("peer step resnet20 batch 128 DJL");
              assertThat(c.pass()).isEqualTo("train");
            });
    BenchmarkCase step = Peers.djl(true, 2, Pattern.compile("step")).getFirst();
    String missing = Peers.withoutDjl(step);
    // The profile that brings DJL is off in most builds, and on in some.
    if (missing != null) {
      assertThat(missing).contains("peer step resnet20", "mvn -Ppeers");
    }
    JsonObject result = Peers.djlResult(new Measurement(step, 0.3, 0.01, 0, 0));
    assertThat(result.get("seconds").asDouble()).isEqualTo(0.3);
    assertThat(result.get("threads").asLong()).isEqualTo(2);
  }

  /** The table of peers finds a line's counterpart by its name. */
  @Test
  void everyProgramHasACounterpart() {
    List<String> own =
        SuiteCases.all(false, 2, 200).stream().map(c -> c.label().replace(" int4 ", " ")).toList();
    assertThat(Peers.programs(false, 2, Pattern.compile("")))
        .allSatisfy(p -> assertThat(own).anyMatch(label -> p.name().startsWith(label + " ")));
  }

  @Test
  void programsAreChosenByName() {
    assertThat(Peers.programs(false, 2, Pattern.compile("inference")))
        .hasSize(4)
        .allSatisfy(p -> assertThat(p.arguments()).containsSequence("--threads", "2"));
    assertThat(Peers.programs(true, 1, Pattern.compile("resnet164"))).isEmpty();
    assertThat(Peers.programs(false, 1, Pattern.compile("step resnet50")))
        .extracting(Program::label)
        .containsExactly(
            "peer step resnet50 batch 16 PyTorch",
            "peer step resnet50 batch 16 PyTorch, channels-last");
  }
}
