package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A model whose numbers are none never serves, and no answer is null. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DivergedModelTest {
  @SuppressWarnings("NullAway.Init") // set by train
  private Path sound;

  @BeforeAll
  void train(@TempDir Path home) throws IOException {
    try (Tiny tiny = Tiny.trained(Tiny.options(home))) {
      sound = home.resolve("sound.safetensors");
      Files.write(sound, tiny.client.bytes("/model/file"));
    }
  }

  /** The sound model with other values in the tensors whose name ends so. */
  private static void change(Path from, Path to, String ending, UnaryOperator<Float> change) {
    List<TensorSource> tensors = new ArrayList<>();
    try (SafetensorsFile file = SafetensorsFile.open(from)) {
      int changed = 0;
      for (String name : file.names()) {
        float[] values = file.readFloats(name);
        if (name.endsWith(ending)) {
          changed++;
          for (int i = 0; i < values.length; i++) {
            values[i] = change.apply(values[i]);
          }
        }
        tensors.add(TensorSource.floats(name, values, file.shape(name)));
      }
      assertThat(changed).isPositive();
      SafetensorsWriter.write(to, Map.copyOf(file.metadata()), tensors);
    }
  }

  private static ServiceOptions with(Path home, Path weights) {
    ServiceOptions other = Tiny.options(home);
    return new ServiceOptions(
        home,
        other.data(),
        weights,
        other.memoryLimit(),
        other.keep(),
        1,
        other.http(),
        other.training());
  }

  @ParameterizedTest
  @CsvSource({"running_var, Infinity", "bias, NaN", "weight, -Infinity"})
  void isRefusedAsAFile(String ending, float value, @TempDir Path folder) {
    Path weights = folder.resolve("diverged.safetensors");
    change(sound, weights, ending, v -> value);
    assertThatThrownBy(() -> Tiny.open(with(folder.resolve("home"), weights)).close())
        .isInstanceOf(ExchangeException.class)
        .hasMessageContaining("safetensors");
    assertThat(folder.resolve("home/models/v000001.json")).doesNotExist();
  }

  @Test
  void isPassedOverAmongTheVersions(@TempDir Path home) throws IOException {
    try (Tiny tiny = Tiny.trained(with(home, sound))) {
      tiny.client.post("/retrain");
      tiny.client.awaitTraining();
    }
    Path model = home.resolve("models/v000002.safetensors");
    change(model, model, "bias", v -> Float.NaN);
    Path line = home.resolve("models/v000002.json");
    JsonObject.Builder known = JsonObject.builder();
    JsonParser.parse(Files.readString(line))
        .asObject()
        .members()
        .forEach(
            (name, value) -> {
              if (!name.equals("crc32c")) {
                known.put(name, value);
              }
            });
    known.put("crc32c", ModelFolder.crc(model));
    Files.writeString(line, JsonWriter.compact(known.build()));
    try (Tiny tiny = Tiny.open(home)) {
      assertThat(tiny.client.get("/model").json().get("current").asLong()).isEqualTo(1);
      assertThat(tiny.log).anyMatch(l -> l.contains("v000002") && l.contains("NaN"));
    }
  }

  /** Finite weights whose sums are not: only an answer shows it. */
  @Test
  void answersWithASentenceInsteadOfNullAndCountsAsWrong(@TempDir Path home) throws Exception {
    Path weights = home.resolve("huge.safetensors");
    change(sound, weights, "weight", v -> v * 1e15f);
    try (Tiny tiny = Tiny.open(with(home.resolve("home"), weights))) {
      Client.Reply reply = tiny.client.post("/predict", Tiny.picture(true, 1));
      assertThat(reply.status()).isEqualTo(500);
      assertThat(reply.error()).contains("Version 1", "no finite answer");
      reply = tiny.client.postForm("/predict/batch", Map.of("a", Tiny.picture(true, 1)));
      assertThat(reply.text()).contains("no finite answer").doesNotContain("null");
      assertThat(measured(tiny).get("accuracy").asDouble()).isZero();
    }
  }

  /** Waits until the version has its figures, which comes in the background. */
  static JsonObject measured(Tiny tiny) throws InterruptedException {
    long end = System.nanoTime() + 30_000_000_000L;
    JsonObject version = tiny.client.get("/model/versions/1").json();
    while (version.get("accuracy").equals(Json.NULL) && System.nanoTime() < end) {
      Thread.sleep(20);
      version = tiny.client.get("/model/versions/1").json();
    }
    return version;
  }

  @Test
  void aModelFromElsewhereIsMeasured(@TempDir Path home) throws InterruptedException {
    try (Tiny tiny = Tiny.open(with(home, sound))) {
      JsonObject version = measured(tiny);
      assertThat(version.get("accuracy").asDouble()).isBetween(0.5, 1.0);
      assertThat(version.get("per_class").asList()).hasSize(2);
    }
    try (Tiny tiny = Tiny.open(home)) {
      assertThat(tiny.client.get("/model").text()).doesNotContain("\"accuracy\":null");
    }
  }
}
