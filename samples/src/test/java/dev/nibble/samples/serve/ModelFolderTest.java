package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Whatever a crash leaves among the versions, the newest sound one serves. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ModelFolderTest {
  @SuppressWarnings("NullAway.Init") // set by makeTwoVersions
  private Path master;

  @SuppressWarnings("NullAway.Init") // set by copyThem
  private Path home;

  @SuppressWarnings("NullAway.Init") // set by copyThem
  private Path models;

  @BeforeAll
  void makeTwoVersions(@TempDir Path place) {
    master = place;
    try (Tiny tiny = Tiny.trained(Tiny.options(place))) {
      tiny.client.post("/retrain");
      assertThat(tiny.client.awaitTraining().get("state").asString()).isEqualTo("accepted");
    }
  }

  @BeforeEach
  void copyThem(@TempDir Path place) throws IOException {
    home = place;
    models = Files.createDirectory(home.resolve("models"));
    try (Stream<Path> files = Files.list(master.resolve("models"))) {
      for (Path file : files.toList()) {
        Files.copy(file, models.resolve(file.getFileName()));
      }
    }
  }

  private void assertServes(long version, int versions, String line) {
    try (Tiny tiny = Tiny.open(home)) {
      assertThat(tiny.client.get("/model").json().get("current").asLong()).isEqualTo(version);
      assertThat(tiny.client.get("/model").json().get("versions").asList()).hasSize(versions);
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).status()).isEqualTo(200);
      if (line.isEmpty()) {
        assertThat(tiny.log).isEmpty();
      } else {
        assertThat(tiny.log).anyMatch(l -> l.contains(line));
      }
    }
  }

  @Test
  void servesTheCurrentOne() {
    assertServes(2, 2, "");
  }

  @Test
  void countsThePredictionsOfRequestsOnly() {
    try (Tiny tiny = Tiny.open(home)) {
      assertThat(tiny.client.get("/metrics").text())
          .contains("nibble_predictions_seconds_count 0\n");
      tiny.client.post("/predict", Tiny.picture(true, 1));
      assertThat(tiny.client.get("/metrics").text())
          .contains("nibble_predictions_seconds_count 1\n");
      tiny.client.post("/model/rollback");
      tiny.client.post("/predict", Tiny.picture(true, 1));
      assertThat(tiny.client.get("/metrics").text())
          .contains("nibble_predictions_seconds_count 2\n");
    }
  }

  @Test
  void namesItsFilesAlikeInEveryLocale() {
    Locale before = Locale.getDefault(Locale.Category.FORMAT);
    Locale.setDefault(Locale.Category.FORMAT, Locale.forLanguageTag("fa-IR"));
    try {
      assertThat("%d".formatted(2)).as("the test's own premise").isNotEqualTo("2");
      assertServes(2, 2, "");
    } finally {
      Locale.setDefault(Locale.Category.FORMAT, before);
    }
  }

  @Test
  void passesOverOneWithoutItsLine() throws IOException {
    Files.delete(models.resolve("v000002.json"));
    assertServes(1, 1, "Version 2 is gone");
  }

  @Test
  void passesOverOneWithoutItsModel() throws IOException {
    Files.delete(models.resolve("v000002.safetensors"));
    assertServes(1, 1, "Passed over");
  }

  @Test
  void passesOverAHalfWrittenModel() throws IOException {
    Path model = models.resolve("v000002.safetensors");
    byte[] bytes = Files.readAllBytes(model);
    Files.write(model, Arrays.copyOf(bytes, bytes.length / 2));
    assertServes(1, 1, "is damaged");
  }

  @Test
  void passesOverADamagedModel() throws IOException {
    Path model = models.resolve("v000002.safetensors");
    byte[] bytes = Files.readAllBytes(model);
    bytes[bytes.length - 1] ^= 1;
    Files.write(model, bytes);
    assertServes(1, 1, "is damaged");
  }

  @Test
  void passesOverAHalfWrittenLine() throws IOException {
    Path line = models.resolve("v000002.json");
    Files.writeString(line, Files.readString(line).substring(0, 20));
    assertServes(1, 1, "Passed over");
  }

  @Test
  void servesTheNewestWhereNothingSaysWhichIsCurrent() throws IOException {
    Files.writeString(models.resolve("current.json"), "{");
    assertServes(2, 2, "does not say");
    Files.delete(models.resolve("current.json"));
    assertServes(2, 2, "");
  }

  @Test
  void heedsNoCandidateOfATrainingThatWasKilled() throws IOException {
    Files.copy(models.resolve("v000002.safetensors"), models.resolve("candidate.safetensors"));
    assertServes(2, 2, "");
    assertThat(models.resolve("candidate.safetensors")).doesNotExist();
  }

  @Test
  void takesAModelFromElsewhereOnlyWhereItHasNone() {
    Path weights = models.resolve("v000002.safetensors");
    ServiceOptions other = Tiny.options(home.resolve("other"));
    ServiceOptions options =
        new ServiceOptions(
            other.home(),
            other.data(),
            weights,
            other.memoryLimit(),
            other.keep(),
            1,
            other.http(),
            other.training());
    for (String line : new String[] {"", "was not read"}) {
      try (Tiny tiny = Tiny.open(options)) {
        assertThat(tiny.client.get("/model").json().get("current").asLong()).isEqualTo(1);
        assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).status()).isEqualTo(200);
        assertThat(String.join("", tiny.log)).contains(line);
      }
    }
  }
}
