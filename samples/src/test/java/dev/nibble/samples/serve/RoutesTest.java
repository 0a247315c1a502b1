package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.samples.serve.Client.Reply;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every route over real HTTP, asked well and badly. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RoutesTest {
  @SuppressWarnings("NullAway.Init") // set by start
  private Tiny tiny;

  @BeforeAll
  void start(@TempDir Path home) {
    tiny = Tiny.trained(Tiny.options(home));
  }

  @AfterAll
  void stop() {
    tiny.close();
  }

  @ParameterizedTest
  @CsvSource({"png, true, rows", "jpg, false, columns"})
  void predictsWhatThePictureShows(String format, boolean rows, String label) {
    Reply reply = tiny.client.post("/predict?top=2", TinyPictures.file(rows, 77, format));
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    assertThat(reply.json().get("label").asString()).isEqualTo(label);
    List<JsonValue> classes = reply.json().get("classes").asList();
    assertThat(classes).hasSize(2);
    double most = classes.getFirst().asObject().get("probability").asDouble();
    double least = classes.getLast().asObject().get("probability").asDouble();
    assertThat(most).isGreaterThanOrEqualTo(least);
    assertThat(most + least).isBetween(0.999, 1.001);
  }

  @Test
  void namesNoMoreClassesThanAskedFor() {
    Reply reply = tiny.client.post("/predict?top=1", Tiny.picture(true, 3));
    assertThat(reply.json().get("classes").asList()).hasSize(1);
    reply = tiny.client.post("/predict?top=100", Tiny.picture(true, 3));
    assertThat(reply.json().get("classes").asList()).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "x", "", "99999999999"})
  void refusesANumberOfClassesThatIsNone(String top) {
    Reply reply = tiny.client.post("/predict?top=" + top, Tiny.picture(true, 3));
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error()).contains("top");
  }

  @Test
  void keepsAnExampleAndCountsIt() {
    long before = tiny.client.get("/examples").json().get("count").asLong();
    Reply reply = tiny.client.post("/examples?label=rows", Tiny.picture(true, 5));
    assertThat(reply.status()).as(reply.text()).isEqualTo(201);
    assertThat(reply.json().get("id").asLong()).isEqualTo(before);
    assertThat(reply.json().get("label").asString()).isEqualTo("rows");
    assertThat(reply.json().get("count").asLong()).isEqualTo(before + 1);
    JsonObject all = tiny.client.get("/examples").json();
    assertThat(all.get("count").asLong()).isEqualTo(before + 1);
    assertThat(all.get("labels").asObject().get("rows").asLong()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "?label=", "?label=%20", "?label=%E2%80%8B", "?label=caf%E9", "?label=a%00b"})
  void refusesALabelThatIsNone(String query) {
    Reply reply = tiny.client.post("/examples" + query, Tiny.picture(true, 5));
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error()).contains("label");
  }

  @Test
  void refusesALabelOf65Letters() {
    Reply reply = tiny.client.post("/examples?label=" + "a".repeat(65), Tiny.picture(true, 5));
    assertThat(reply.status()).isEqualTo(400);
  }

  @Test
  void tellsTheModel() {
    JsonObject model = tiny.client.get("/model").json();
    assertThat(model.get("current").asLong()).isPositive();
    assertThat(model.get("classes").asList()).extracting(JsonValue::asString).contains("rows");
    assertThat(model.get("input").asObject().get("height").asLong()).isEqualTo(8);
    JsonObject version = model.get("versions").asList().getLast().asObject();
    assertThat(version.members().keySet())
        .containsExactly(
            "version",
            "current",
            "accuracy",
            "created",
            "held_out",
            "not_measured",
            "examples",
            "parent");
    assertThat(version.get("held_out").asLong()).isEqualTo(32);
  }

  @Test
  void tellsTheStatusAndTheHistory() {
    JsonObject status = tiny.client.get("/status").json();
    JsonObject training = status.get("training").asObject();
    assertThat(training.get("state").asString()).isEqualTo("accepted");
    assertThat(training.get("step").asLong()).isEqualTo(16);
    assertThat(training.get("steps").asLong()).isEqualTo(16);
    JsonObject memory = status.get("memory").asObject();
    assertThat(memory.get("used").asLong()).isPositive();
    assertThat(memory.get("peak").asLong()).isBetween(memory.get("used").asLong(), Tiny.LIMIT);
    assertThat(memory.get("limit").asLong()).isEqualTo(Tiny.LIMIT);
    JsonObject history = tiny.client.get("/history").json();
    assertThat(history.get("steps").asList()).hasSize(16);
    assertThat(history.get("epochs").asList()).hasSize(4);
  }

  @Test
  void tellsMetersToPrometheus() {
    Reply reply = tiny.client.get("/metrics");
    assertThat(reply.header("Content-Type")).startsWith("text/plain");
    assertThat(reply.text()).contains("nibble_training_steps_total 16.0");
    assertThat(reply.text()).contains("nibble_memory_limit_bytes");
  }

  @Test
  void showsThePageWithItsHeaders() {
    Reply reply = tiny.client.get("/");
    assertThat(reply.status()).isEqualTo(200);
    assertThat(reply.header("Content-Type")).startsWith("text/html");
    assertThat(reply.header("Content-Security-Policy")).startsWith("default-src 'self'");
    assertThat(reply.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(reply.text()).contains("Nibble");
  }

  @ParameterizedTest
  @CsvSource({
    "/webjars/uplot/dist/uPlot.esm.js, text/javascript",
    "/webjars/uplot/dist/uPlot.min.css, text/css"
  })
  void servesTheCharts(String path, String type) {
    Reply reply = tiny.client.get(path);
    assertThat(reply.status()).isEqualTo(200);
    assertThat(reply.header("Content-Type")).startsWith(type);
    assertThat(reply.text()).contains("uplot");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/nowhere",
        "/assets/nothing.js",
        "/assets/index.html",
        "/assets/..%2findex.html",
        "/assets/%2e%2e%2f%2e%2e%2fdev/nibble/samples/Nibble.class",
        "/webjars/uplot/dist/../package.json",
        "/webjars/uplot/../../../MANIFEST.MF",
        "/webjars/uplot/package.json",
        "/assets/a%00.js"
      })
  void leadsNowhereElse(String path) {
    Reply reply = tiny.client.get(path);
    assertThat(reply.status()).isIn(400, 404);
    assertThat(reply.error()).isNotEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "PUT, /predict",
    "GET, /predict",
    "DELETE, /examples",
    "PATCH, /retrain",
    "POST, /status"
  })
  void refusesAnotherMethod(String method, String path) {
    Reply reply =
        tiny.client.send(tiny.client.request(path).method(method, BodyPublishers.noBody()).build());
    assertThat(reply.status()).isEqualTo(405);
    assertThat(reply.error()).contains("method");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "[1]",
        "{\"epochs\":0}",
        "{\"epochs\":1001}",
        "{\"epochs\":1.5}",
        "{\"lr\":1}"
      })
  void refusesATrainingThatMakesNoSense(String body) {
    Reply reply = tiny.client.post("/retrain", body);
    assertThat(reply.status()).as(reply.text()).isEqualTo(400);
    assertThat(reply.error()).contains("epochs");
  }

  @Test
  void hasNothingToCancelNorToGoBackTo() {
    assertThat(tiny.client.delete("/retrain").status()).isEqualTo(409);
    Reply reply = tiny.client.post("/model/rollback");
    assertThat(reply.status()).isEqualTo(409);
    assertThat(reply.error()).contains("older version");
  }
}
