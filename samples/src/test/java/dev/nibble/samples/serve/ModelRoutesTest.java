package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.samples.serve.Client.Reply;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Versions over HTTP: chosen, downloaded, told by class; and forms of many pictures. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // set by start
class ModelRoutesTest {
  private Tiny tiny;
  private Path home;

  @BeforeAll
  void start(@TempDir Path folder) {
    home = folder;
    tiny = Tiny.trained(Tiny.options(folder));
    tiny.client.post("/retrain");
    assertThat(tiny.client.awaitTraining().get("state").asString()).isEqualTo("accepted");
  }

  @AfterAll
  void stop() {
    tiny.close();
  }

  private long current() {
    return tiny.client.get("/model").json().get("current").asLong();
  }

  @Test
  void letsAnyVersionServeThatIsKept() {
    for (long version : new long[] {1, 1, 2}) {
      Reply reply = tiny.client.post("/model/versions/" + version + "/activate");
      assertThat(reply.status()).as(reply.text()).isEqualTo(200);
      assertThat(reply.json().get("current").asLong()).isEqualTo(version);
      assertThat(current()).isEqualTo(version);
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).json().get("version").asLong())
          .isEqualTo(version);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "77", "9223372036854775807"})
  void tellsThatAVersionIsNotKept(String version) {
    String path = "/model/versions/" + version;
    for (String more : new String[] {"", "/file", "/onnx"}) {
      assertThat(tiny.client.get(path + more).status()).isEqualTo(404);
    }
    assertThat(tiny.client.post(path + "/activate").status()).isEqualTo(404);
    assertThat(tiny.client.get("/model/versions/x").status()).isEqualTo(400);
  }

  @Test
  void tellsTheFiguresOfEachClass() {
    JsonObject version = tiny.client.get("/model/versions/1").json();
    long correct = 0;
    for (JsonValue each : version.get("per_class").asList()) {
      JsonObject figures = each.asObject();
      assertThat(figures.get("held_out").asLong()).isEqualTo(16);
      correct += figures.get("correct").asLong();
    }
    assertThat(version.get("accuracy").asDouble()).as("of version 1").isEqualTo(correct / 32.0);
  }

  @Test
  void givesItsFiles() throws IOException {
    byte[] model = tiny.client.bytes("/model/versions/1/file");
    assertThat(model).isEqualTo(Files.readAllBytes(home.resolve("models/v000001.safetensors")));
    Reply named = tiny.client.get("/model/file");
    assertThat(named.header("Content-Disposition")).contains("nibble-v00000");
    byte[] onnx = tiny.client.bytes("/model/onnx");
    assertThat(new String(onnx, StandardCharsets.ISO_8859_1)).contains("images", "logits");
    assertThat(tiny.client.bytes("/model/versions/" + current() + "/onnx")).isEqualTo(onnx);
    assertThat(home.resolve("models/download.onnx")).doesNotExist();
  }

  @Test
  void classifiesAFormOfPictures() {
    byte[] rows = Tiny.picture(true, 70);
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("café.png", rows);
    files.put("bad.png", Arrays.copyOf(rows, 30));
    files.put("text.txt", "text".getBytes(StandardCharsets.US_ASCII));
    for (int i = 0; i < 70; i++) {
      files.put(i + ".png", Tiny.picture(i % 2 == 0, i));
    }
    Reply reply = tiny.client.postForm("/predict/batch?top=1", files);
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    List<JsonValue> all = reply.json().get("predictions").asList();
    assertThat(all).hasSize(files.size());
    JsonObject one = tiny.client.post("/predict?top=1", rows).json();
    JsonObject first = all.getFirst().asObject();
    assertThat(first.get("name").asString()).isEqualTo("café.png");
    assertThat(first.get("classes")).isEqualTo(one.get("classes"));
    assertThat(all.get(1).asObject().get("error").asString()).contains("can't be decoded");
    assertThat(all.get(2).asObject().get("error").asString()).contains("PNG");
    for (int i = 0; i < 70; i++) {
      JsonObject alone = tiny.client.post("/predict?top=1", Tiny.picture(i % 2 == 0, i)).json();
      assertThat(all.get(3 + i).asObject().get("label")).isEqualTo(alone.get("label"));
    }
  }

  @Test
  void refusesAFormThatIsNone() {
    assertThat(tiny.client.post("/predict/batch", Tiny.picture(true, 1)).status()).isEqualTo(415);
    assertThat(tiny.client.postForm("/predict/batch", Map.of()).status()).isEqualTo(400);
    assertThat(tiny.client.get("/predict/batch").status()).isEqualTo(405);
  }
}
