package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.samples.serve.Client.Reply;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Examples over HTTP: listed, shown, relabelled, deleted; under labels of any script. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // set by start
class ExampleRoutesTest {
  private Tiny tiny;

  @BeforeAll
  void start(@TempDir Path folder) {
    tiny = Tiny.trained(Tiny.options(folder));
  }

  @AfterAll
  void stop() {
    tiny.close();
  }

  private long add(String label, int seed) {
    String query = URLEncoder.encode(label, StandardCharsets.UTF_8);
    Reply reply = tiny.client.post("/examples?label=" + query, Tiny.picture(true, seed));
    assertThat(reply.status()).as(reply.text()).isEqualTo(201);
    return reply.json().get("id").asLong();
  }

  @ParameterizedTest
  @ValueSource(strings = {"café", "cafe\u0301", "猫", "a/b", "<script>alert(1)</script>"})
  void takesALabelOfAnyScript(String label) {
    long id = add(label, 1);
    assertThat(tiny.client.get("/examples/" + id).json().get("label").asString())
        .isEqualTo(Labels.composed(label));
    tiny.client.delete("/examples/" + id);
  }

  @Test
  void areListedInPagesTheNewestFirst() {
    List<Long> added = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      added.addFirst(add(i % 2 == 0 ? "even" : "odd", i));
    }
    List<Long> seen = new ArrayList<>();
    String query = "/examples?limit=3";
    for (int page = 0; page < 100; page++) {
      JsonObject answer = tiny.client.get(query).json();
      assertThat(answer.get("examples").asList()).hasSizeLessThanOrEqualTo(3);
      answer.get("examples").asList().forEach(e -> seen.add(e.asObject().get("id").asLong()));
      if (answer.get("next").equals(Json.NULL)) {
        break;
      }
      query = "/examples?limit=3&before=" + answer.get("next").asLong();
    }
    assertThat(seen).startsWith(added.toArray(Long[]::new)).doesNotHaveDuplicates();
    JsonObject odd = tiny.client.get("/examples?label=odd&limit=3").json();
    assertThat(odd.get("examples").asList()).hasSize(3);
    assertThat(odd.get("next")).as("there is no fourth").isEqualTo(Json.NULL);
    assertThat(odd.get("labels").asObject().get("even").asLong()).isEqualTo(4);
    assertThat(tiny.client.get("/examples?limit=0").json().get("examples").asList()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"limit=-1", "limit=1001", "limit=x", "before=x", "before=-2"})
  void refusesAPageThatMakesNoSense(String query) {
    assertThat(tiny.client.get("/examples?" + query).status()).isEqualTo(400);
  }

  @Test
  void showTheirPicture() throws IOException {
    long id = add("shown", 5);
    byte[] png = tiny.client.bytes("/examples/" + id + "/picture");
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
    byte[] pixels = TinyPictures.pixels(true, 5);
    for (int i = 0; i < 64; i++) {
      int rgb = image.getRGB(i % 8, i / 8);
      assertThat(rgb >> 16 & 0xFF).isEqualTo(pixels[3 * i] & 0xFF);
      assertThat(rgb & 0xFF).isEqualTo(pixels[3 * i + 2] & 0xFF);
    }
  }

  @Test
  void areRelabelledAndDeletedAndStaySo(@TempDir Path own) {
    try (Tiny one = Tiny.open(own)) {
      for (int i = 0; i < 3; i++) {
        one.client.post("/examples?label=a", Tiny.picture(true, i));
      }
      Reply reply = one.client.patch("/examples/1", "{\"label\":\" cafe\u0301 \"}");
      assertThat(reply.status()).as(reply.text()).isEqualTo(200);
      assertThat(reply.json().get("label").asString()).isEqualTo("café");
      assertThat(one.client.delete("/examples/2").json().get("count").asLong()).isEqualTo(2);
    }
    try (Tiny one = Tiny.open(own)) {
      JsonObject labels = one.client.get("/examples").json().get("labels").asObject();
      assertThat(labels.members()).containsOnlyKeys("a", "café");
      assertThat(one.client.get("/examples/2").status()).isEqualTo(404);
      assertThat(one.client.post("/examples?label=b", Tiny.picture(true, 9)).json().get("id"))
          .isEqualTo(JsonValue.of(3L));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{\"label\":1}",
        "{\"label\":\"\"}",
        "{\"label\":\"a\\u200bb\"}",
        "{\"name\":\"a\"}"
      })
  void refusesABodyThatIsNoLabel(String body) {
    long id = add("kept", 1);
    assertThat(tiny.client.patch("/examples/" + id, body).status()).isEqualTo(400);
    assertThat(tiny.client.get("/examples/" + id).json().get("label").asString()).isEqualTo("kept");
  }

  /** A label belongs into the body here, even if the address has one. */
  @ParameterizedTest
  @ValueSource(strings = {"", "{}", "{\"name\":\"a\"}"})
  void saysWhichBodyItTakes(String body) {
    long id = add("kept", 1);
    Reply reply = tiny.client.patch("/examples/" + id + "?label=other", body);
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.text()).contains("send {");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/examples/999999", "/examples/9223372036854775807"})
  void tellsThatThereIsNone(String path) {
    assertThat(tiny.client.get(path).status()).isEqualTo(404);
    assertThat(tiny.client.get(path + "/picture").status()).isEqualTo(404);
    assertThat(tiny.client.delete(path).status()).isEqualTo(404);
    assertThat(tiny.client.patch(path, "{\"label\":\"a\"}").status()).isEqualTo(404);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "x", "99999999999999999999", "1.5"})
  void refusesAnIdThatIsNone(String id) {
    assertThat(tiny.client.get("/examples/" + id).status()).isEqualTo(400);
    assertThat(tiny.client.delete("/examples/" + id).status()).isEqualTo(400);
  }
}
