package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A run that was stopped or killed and resumed ends as one that was not, to the byte. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class InterruptedRunTest {
  /** An epoch has 20. */
  private static final int STEPS = 26;

  private static final int SEEN = 10;

  @SuppressWarnings("NullAway.Init") // set by trainWithoutInterruption
  private Path folder;

  @SuppressWarnings("NullAway.Init") // set by trainWithoutInterruption
  private String expected;

  @BeforeAll
  void trainWithoutInterruption(@TempDir Path place) throws IOException, InterruptedException {
    folder = place;
    PictureFolders.create(folder.resolve("pictures"), 80, 4);
    try (NibbleProcess process = start("whole", "2")) {
      NibbleProcess.Result result = process.await();
      assertThat(result.code()).as(result.err()).isZero();
    }
    expected = sum("whole");
  }

  private NibbleProcess start(String out, String threads) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("train", "--data", "pictures"));
    arguments.addAll(List.of("--model", "resnet8", "--batch", "8", "--steps", "" + STEPS));
    arguments.addAll(List.of("--kernels", "scalar", "--checkpoint-every", "9"));
    arguments.addAll(List.of("--threads", threads, "--out", out));
    return NibbleProcess.start(folder, arguments);
  }

  private String sum(String out) throws IOException {
    return Fetcher.sha256(folder.resolve(out).resolve("model.safetensors"));
  }

  private NibbleProcess.Result interrupt(String out, Consumer<NibbleProcess> how)
      throws IOException, InterruptedException {
    Path metrics = folder.resolve(out).resolve("metrics.jsonl");
    try (NibbleProcess process = start(out, "1")) {
      while (process.isAlive()
          && (!Files.exists(metrics) || Files.readAllLines(metrics).size() < SEEN)) {
        Thread.sleep(5);
      }
      assertThat(process.isAlive()).as("the run is not over yet").isTrue();
      how.accept(process);
      return process.await();
    }
  }

  private void assertResumes(String out) throws IOException, InterruptedException {
    NibbleProcess.Result resumed =
        NibbleProcess.run(folder, "train", "--resume", out, "--threads", "2");
    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.code()).isZero();
    assertThat(resumed.out()).contains("Going on after step");
    assertThat(sum(out)).isEqualTo(expected);
    List<Long> steps =
        Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
            .filter(line -> !line.contains("test_loss"))
            .map(line -> Long.parseLong(line.replaceAll("\\{\"step\":(\\d+),.*", "$1")))
            .toList();
    assertThat(steps).hasSize(STEPS).isSorted().doesNotHaveDuplicates();
  }

  @Test
  void sigtermSavesACheckpointAndSaysHowToGoOn() throws IOException, InterruptedException {
    NibbleProcess.Result stopped = interrupt("stopped", NibbleProcess::terminate);
    assertThat(stopped.code()).isEqualTo(128 + 15);
    assertThat(stopped.err()).isEmpty();
    assertThat(stopped.out())
        .contains("Stopped after step ", "nibble train --resume stopped")
        .doesNotContain("Done");
    assertResumes("stopped");
  }

  @Test
  void killLosesNothingButTheStepsSinceTheLastCheckpoint()
      throws IOException, InterruptedException {
    interrupt("killed", NibbleProcess::kill);
    assertResumes("killed");
  }

  @Test
  void sayWhatOfTheirOutputIsLost() throws IOException, InterruptedException {
    assumeTrue(Files.exists(Path.of("/dev/full")), "there is no /dev/full");
    NibbleProcess.Result plan = NibbleProcess.runInto("/dev/full", folder, "plan", "--json");
    assertThat(plan.code()).isEqualTo(1);
    assertThat(plan.err())
        .startsWith("nibble: Not all of the output could be written: ")
        .hasLineCount(1);
    NibbleProcess.Result wrong = NibbleProcess.runInto("/dev/full", folder, "plan", "--batch", "0");
    assertThat(wrong.code()).isEqualTo(2);
  }

  @Test
  void printTheSameDigitsInEveryLanguage() throws IOException, InterruptedException {
    List<String> arabic = List.of("-Duser.language=ar", "-Duser.country=EG");
    List<String> words = List.of("plan", "--model", "resnet8", "--threads", "2");
    try (NibbleProcess one = NibbleProcess.start(folder, words);
        NibbleProcess other = NibbleProcess.start(folder, arabic, Map.of(), words)) {
      NibbleProcess.Result result = other.await();
      assertThat(result.code()).isZero();
      assertThat(result.out()).isEqualTo(one.await().out()).contains("TOTAL");
    }
  }

  @Test
  void refusesAResumeThatWouldChangeTheWeights() throws IOException, InterruptedException {
    NibbleProcess.Result result =
        NibbleProcess.run(folder, "train", "--resume", "whole", "--lr", "0.3");
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err())
        .isEqualTo(
            "nibble: The run in whole has --lr 0.1, so it can't go on with --lr 0.3: leave that"
                + " out, or start another run.\n");
  }
}
