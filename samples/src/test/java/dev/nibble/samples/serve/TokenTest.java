package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.samples.serve.Client.Reply;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With a token, only the page and its files are open. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TokenTest {
  private static final String TOKEN = "open-sesame-123";

  @SuppressWarnings("NullAway.Init") // set by start
  private Tiny tiny;

  @BeforeAll
  void start(@TempDir Path home) {
    tiny = Tiny.open(Tiny.options(home, Tiny.http().withToken(TOKEN), Tiny.training()));
  }

  @AfterAll
  void stop() {
    tiny.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/status",
        "/model",
        "/model/file",
        "/model/versions/1",
        "/examples",
        "/examples/0",
        "/examples/0/picture",
        "/history",
        "/events",
        "/metrics"
      })
  void refusesWithoutIt(String path) {
    Reply reply = tiny.client.get(path);
    assertThat(reply.status()).isEqualTo(401);
    assertThat(reply.error()).contains("Authorization");
    assertThat(reply.header("WWW-Authenticate")).isEqualTo("Bearer");
  }

  @Test
  void refusesToPredictAndToLearnWithoutIt() {
    assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).status()).isEqualTo(401);
    assertThat(tiny.client.post("/examples?label=a", Tiny.picture(true, 1)).status())
        .isEqualTo(401);
    assertThat(tiny.client.post("/retrain").status()).isEqualTo(401);
    assertThat(tiny.client.delete("/retrain").status()).isEqualTo(401);
    assertThat(tiny.client.post("/model/rollback").status()).isEqualTo(401);
    assertThat(tiny.client.post("/model/versions/1/activate").status()).isEqualTo(401);
    assertThat(tiny.client.post("/predict/batch", "x").status()).isEqualTo(401);
    assertThat(tiny.client.patch("/examples/0", "{}").status()).isEqualTo(401);
    assertThat(tiny.client.delete("/examples/0").status()).isEqualTo(401);
  }

  /** A supervisor has no token; whether there is a model is no secret. */
  @Test
  void tellsAnybodyWhetherItIsReady() {
    assertThat(tiny.client.get("/health").status()).isIn(200, 503);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Bearer open-sesame-12",
        "Bearer open-sesame-1234",
        "Bearer ",
        "Basic open-sesame-123",
        "x"
      })
  void refusesAnother(String header) {
    assertThat(withHeader(header).status()).isEqualTo(401);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Bearer " + TOKEN, "bearer " + TOKEN})
  void opensWithIt(String header) {
    assertThat(withHeader(header).status()).isEqualTo(200);
  }

  private Reply withHeader(String header) {
    return tiny.client.send(tiny.client.request("/status").header("Authorization", header).build());
  }

  @Test
  void takesItInTheAddressOfEventsAlone() {
    assertThat(tiny.client.get("/status?token=" + TOKEN).status()).isEqualTo(401);
    assertThat(tiny.client.get("/events?token=wrong").status()).isEqualTo(401);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/api", "/openapi.json", "/webjars/uplot/dist/uPlot.min.css"})
  void showsThePageToAnybody(String path) {
    assertThat(tiny.client.get(path).status()).isEqualTo(200);
  }
}
