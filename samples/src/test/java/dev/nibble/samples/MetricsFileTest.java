package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.train.TrainingListener.Epoch;
import dev.nibble.engine.train.TrainingListener.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTest {
  @TempDir private Path folder;

  private static Step step(long step) {
    return new Step(step, 1, 2.5 / step, 0.125, 0.1f, Double.NaN, 1234.56, 0.1036871234);
  }

  private Path writeFourStepsAndAnEpoch() {
    Path file = folder.resolve("metrics.jsonl");
    try (MetricsFile metrics = MetricsFile.open(file, 0, false, new History())) {
      for (int i = 1; i <= 4; i++) {
        metrics.write(step(i));
        if (i == 3) {
          metrics.write(new Epoch(3, 1, 1.5, 0.5, 1.25, 0.75, 0.1));
        }
      }
    }
    return file;
  }

  @Test
  void writesLossesWithAllTheirDigits() throws IOException {
    List<String> lines = Files.readAllLines(writeFourStepsAndAnEpoch());
    JsonObject third = JsonParser.parse(lines.get(2)).asObject();
    assertThat(third.get("loss").asDouble()).isEqualTo(2.5 / 3);
    assertThat(third.get("images_per_second").asDouble()).isEqualTo(1234.6);
    assertThat(third.get("step_seconds").asDouble()).isEqualTo(0.103687);
  }

  @Test
  void dropsWhatAResumedRunTakesAgainAndHalfALine() throws IOException {
    Path file = writeFourStepsAndAnEpoch();
    Files.writeString(file, "{\"step\":5,\"epo", StandardOpenOption.APPEND);
    History history = new History();
    try (MetricsFile metrics = MetricsFile.open(file, 3, false, history)) {
      metrics.write(step(4));
    }
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(5);
    assertThat(lines.get(3)).contains("test_loss");
    assertThat(JsonParser.parse(lines.get(4)).asObject().get("step").asLong()).isEqualTo(4);
    assertThat(history.steps()).containsExactly(1, 2, 3);
    assertThat(history.testAccuracies()).containsExactly(0.75);
  }

  @Test
  void dropsATestThatIsMadeAgain() throws IOException {
    Path file = writeFourStepsAndAnEpoch();
    History history = new History();
    MetricsFile.open(file, 3, true, history).close();
    assertThat(Files.readAllLines(file)).hasSize(3).noneMatch(line -> line.contains("test_loss"));
    assertThat(history.testAccuracies()).isEmpty();
  }

  @Test
  void saysNullForWhatIsNoNumber() throws IOException {
    Path file = folder.resolve("nan.jsonl");
    try (MetricsFile metrics = MetricsFile.open(file, 0, false, new History())) {
      metrics.write(new Epoch(1, 1, 1, 0, Double.POSITIVE_INFINITY, 0.5, 0));
    }
    assertThat(Files.readString(file)).contains("\"test_loss\":null");
  }
}
