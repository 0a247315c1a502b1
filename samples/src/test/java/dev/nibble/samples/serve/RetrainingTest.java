package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.samples.serve.Client.Reply;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a training: a new version, or nothing at all. */
class RetrainingTest {
  private static final ServiceOptions.Training TRAINING = Tiny.training();

  @TempDir private Path home;

  private Tiny tiny(double margin, float rate) {
    return Tiny.trained(Tiny.options(home, Tiny.http(), Tiny.training(4, rate, 16, margin)));
  }

  private static long current(Tiny tiny) {
    return tiny.client.get("/model").json().get("current").asLong();
  }

  private static JsonObject retrain(Tiny tiny) {
    Reply reply = tiny.client.post("/retrain");
    assertThat(reply.status()).as(reply.text()).isEqualTo(202);
    return tiny.client.awaitTraining();
  }

  private static String state(JsonObject training) {
    return training.get("state").asString();
  }

  @Test
  void servesNothingBeforeItsFirstModel() {
    ServiceOptions.Training slow = Tiny.training(1000, 0.01f, 16, 0.5);
    try (Tiny tiny = Tiny.open(Tiny.options(home, Tiny.http(), slow))) {
      assertThat(tiny.client.get("/health").status()).isEqualTo(503);
      Reply reply = tiny.client.post("/predict", Tiny.picture(true, 1));
      assertThat(reply.status()).isEqualTo(503);
      assertThat(reply.header("Retry-After")).isNotEmpty();
      JsonObject model = tiny.client.get("/model").json();
      assertThat(model.get("current")).isEqualTo(Json.NULL);
      assertThat(model.get("versions").asList()).isEmpty();
      assertThat(model.get("classes").asList()).hasSize(2);
      assertThat(tiny.client.post("/retrain").status()).isEqualTo(409);
      assertThat(tiny.client.delete("/retrain").status()).isEqualTo(202);
      assertThat(state(tiny.client.awaitTraining())).isEqualTo("cancelled");
    }
  }

  @Test
  void makesAVersionAndGoesBack() {
    try (Tiny tiny = tiny(0.5, 0.01f)) {
      tiny.client.post("/examples?label=rows", Tiny.picture(true, 9));
      assertThat(state(retrain(tiny))).isEqualTo("accepted");
      JsonObject model = tiny.client.get("/model").json();
      assertThat(model.get("current").asLong()).isEqualTo(2);
      JsonObject version = model.get("versions").asList().getFirst().asObject();
      assertThat(version.get("parent").asLong()).isEqualTo(1);
      assertThat(version.get("examples").asLong()).isEqualTo(1);
      assertThat(version.get("accuracy").asDouble()).isBetween(0.5, 1.0);
      Reply back = tiny.client.post("/model/rollback");
      assertThat(back.json().get("current").asLong()).isEqualTo(1);
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).json().get("version").asLong())
          .isEqualTo(1);
      assertThat(tiny.client.post("/model/rollback").status()).isEqualTo(409);
      assertThat(state(retrain(tiny))).isEqualTo("accepted");
      assertThat(current(tiny)).as("a number is used once").isEqualTo(3);
    }
  }

  @Test
  void keepsTheVersionWhenOpenedAgainAndOnlyTheLastFew() {
    try (Tiny tiny = tiny(0.5, 0.01f)) {
      for (int i = 0; i < 3; i++) {
        assertThat(state(retrain(tiny))).isEqualTo("accepted");
      }
      assertThat(tiny.client.get("/model").json().get("versions").asList()).hasSize(3);
    }
    try (Tiny tiny = Tiny.open(home)) {
      assertThat(tiny.log).isEmpty();
      assertThat(tiny.client.get("/health").status()).isEqualTo(200);
      assertThat(state(tiny.client.awaitTraining())).isEqualTo("idle");
      assertThat(current(tiny)).isEqualTo(4);
      assertThat(tiny.client.get("/model").json().get("versions").asList()).hasSize(3);
    }
  }

  @Test
  void rejectsAModelThatIsWorseThanTheMarginAllows() {
    // No model can be better by the whole range, so every one is worse than that allows.
    try (Tiny tiny = tiny(-1, 0.01f)) {
      assertThat(state(retrain(tiny))).isEqualTo("rejected");
      assertThat(current(tiny)).isEqualTo(1);
      assertThat(tiny.client.get("/model").json().get("versions").asList()).hasSize(1);
      assertNothingIsLeft();
    }
  }

  private void assertNothingIsLeft() {
    try (Stream<Path> files = Files.list(home.resolve("models"))) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("v000001.json", "v000001.safetensors", "current.json");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void givesUpWhereTheLossIsNoNumberAnyMore() {
    try (Tiny tiny = tiny(0.5, 1e30f)) {
      JsonObject training = retrain(tiny);
      assertThat(state(training)).isEqualTo("failed");
      assertThat(training.get("message").asString()).contains("learning rate");
      assertThat(current(tiny)).isEqualTo(1);
      assertNothingIsLeft();
    }
  }

  @Test
  void cancels() {
    try (Tiny tiny = tiny(0.5, 0.01f);
        Client.EventStream events = tiny.client.events()) {
      assertThat(tiny.client.post("/retrain", "{\"epochs\":1000}").status()).isEqualTo(202);
      events.next("step");
      assertThat(tiny.client.post("/retrain").status()).isEqualTo(409);
      assertThat(tiny.client.delete("/retrain").status()).isEqualTo(202);
      assertThat(state(tiny.client.awaitTraining())).isEqualTo("cancelled");
      assertThat(current(tiny)).isEqualTo(1);
      assertNothingIsLeft();
    }
  }

  @Test
  void leavesAllAsItWasWhereTheDiskTakesNoModel() throws IOException {
    try (Tiny tiny = tiny(0.5, 0.01f)) {
      // The name under which it would be written is taken by a folder that can't be replaced.
      Path taken = home.resolve("models/candidate.safetensors.tmp/full");
      Files.createDirectories(taken);
      JsonObject training = retrain(tiny);
      assertThat(state(training)).isEqualTo("failed");
      assertThat(training.get("message").asString()).contains("candidate.safetensors");
      assertThat(current(tiny)).isEqualTo(1);
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).status()).isEqualTo(200);
      Files.delete(taken);
      Files.delete(taken.resolveSibling(""));
      assertThat(state(retrain(tiny))).isEqualTo("accepted");
    }
  }

  @Test
  void takesASmallerBatchWhereMemoryIsShortAndFailsWhereNoneFits() {
    try (Tiny tiny = tiny(0.5, 0.01f)) {
      assertThat(current(tiny)).isEqualTo(1);
    }
    ServiceOptions scarce = limited(3_000_000);
    try (Tiny tiny = Tiny.open(scarce)) {
      JsonObject done = retrain(tiny);
      assertThat(state(done)).as(done.get("message").asString()).isEqualTo("accepted");
      long peak = tiny.client.get("/status").json().get("memory").asObject().get("peak").asLong();
      assertThat(peak).isLessThanOrEqualTo(3_000_000);
    }
    try (Tiny tiny = Tiny.open(limited(2_000_000))) {
      JsonObject training = retrain(tiny);
      assertThat(state(training)).isEqualTo("failed");
      assertThat(training.get("message").asString()).contains("--memory-limit");
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).status()).isEqualTo(200);
    }
  }

  private ServiceOptions limited(long bytes) {
    ServiceOptions.Training training = Tiny.training(4, 0.01f, 0, 0.5);
    return new ServiceOptions(
        home, size -> TinyPictures.splits(64, 32), null, bytes, 3, 1, Tiny.http(), training);
  }

  @Test
  void learnsALabelThatItDidNotKnow() {
    try (Tiny tiny = tiny(0.5, 0.05f)) {
      for (int i = 0; i < 10; i++) {
        assertThat(tiny.client.post("/examples?label=dark", dark(i)).status()).isEqualTo(201);
      }
      tiny.client.post("/retrain", "{\"epochs\":8}");
      assertThat(state(tiny.client.awaitTraining())).isEqualTo("accepted");
      assertThat(tiny.client.get("/model").json().get("classes").asList())
          .extracting(JsonValue::asString)
          .containsExactly("rows", "columns", "dark");
      Reply reply = tiny.client.post("/predict", dark(99));
      assertThat(reply.json().get("label").asString()).isEqualTo("dark");
      reply = tiny.client.post("/predict", Tiny.picture(true, 99));
      assertThat(reply.json().get("label").asString()).isEqualTo("rows");
    }
  }

  /** Too few to hold one out: nobody would know whether it is ever recognised. */
  @Test
  void learnsNoLabelThatItCouldNotMeasureAndSaysSo() {
    try (Tiny tiny = tiny(0.5, 0.01f)) {
      for (int i = 0; i < 4; i++) {
        tiny.client.post("/examples?label=dark", dark(i));
      }
      JsonObject training = retrain(tiny);
      assertThat(state(training)).isEqualTo("accepted");
      assertThat(training.get("message").asString())
          .contains("Not learnt yet: 'dark'", "needs 5 examples");
      JsonObject model = tiny.client.get("/model").json();
      assertThat(model.get("classes").asList()).hasSize(2);
      tiny.client.post("/examples?label=dark", dark(5));
      training = retrain(tiny);
      assertThat(training.get("message").asString()).contains("New: 'dark', ", " of 1");
      model = tiny.client.get("/model").json();
      assertThat(model.get("classes").asList()).hasSize(3);
      long version = model.get("current").asLong();
      assertThat(
              tiny.client
                  .get("/model/versions/" + version)
                  .json()
                  .get("per_class")
                  .asList()
                  .getLast()
                  .asObject()
                  .get("held_out")
                  .asLong())
          .isEqualTo(1);
    }
  }

  /** What is deleted while a training reads it does not disturb it; the next one is without it. */
  @Test
  void goesOnWhereAnExampleIsDeletedMeanwhile() {
    try (Tiny tiny = tiny(0.5, 0.01f);
        Client.EventStream events = tiny.client.events()) {
      for (int i = 0; i < 10; i++) {
        tiny.client.post("/examples?label=rows", Tiny.picture(true, i));
      }
      tiny.client.post("/retrain", "{\"epochs\":20}");
      events.next("step");
      for (int i = 0; i < 10; i += 2) {
        assertThat(tiny.client.delete("/examples/" + i).status()).isEqualTo(200);
        tiny.client.patch("/examples/" + (i + 1), "{\"label\":\"columns\"}");
      }
      assertThat(state(tiny.client.awaitTraining())).isEqualTo("accepted");
      assertThat(state(retrain(tiny))).isEqualTo("accepted");
      JsonObject newest =
          tiny.client.get("/model").json().get("versions").asList().getFirst().asObject();
      assertThat(newest.get("examples").asLong()).isEqualTo(5);
    }
  }

  private static byte[] dark(int seed) {
    java.awt.image.BufferedImage image =
        new java.awt.image.BufferedImage(8, 8, java.awt.image.BufferedImage.TYPE_INT_RGB);
    image.setRGB(seed % 8, seed / 8 % 8, 0x202020);
    return TinyPictures.encode(image, "png");
  }

  @Test
  void showsItsCourseAsEvents() {
    try (Tiny tiny = tiny(0.5, 0.01f);
        Client.EventStream events = tiny.client.events()) {
      assertThat(events.next().name()).as("first, at once").isEqualTo("status");
      tiny.client.post("/retrain");
      events.next("started");
      assertThat(events.next("step").get("step").asLong()).isEqualTo(1);
      assertThat(events.next("epoch").members().keySet())
          .containsExactly("step", "epoch", "test_loss", "test_accuracy");
      assertThat(events.next("model").get("current").asLong()).isEqualTo(2);
      JsonObject training = events.next("status").get("training").asObject();
      assertThat(state(training)).isEqualTo("accepted");
      tiny.client.post("/examples?label=columns", Tiny.picture(false, 1));
      assertThat(events.next("examples").get("count").asLong()).isEqualTo(1);
      tiny.service.close();
      assertThat(events.hasEnded()).isTrue();
    }
  }

  /** Eight clients predict without a pause while versions come and go. */
  @Test
  void failsNoRequestWhileVersionsComeAndGo() throws Exception {
    try (Tiny tiny = tiny(0.5, 0.01f);
        ExecutorService pool = Executors.newFixedThreadPool(8)) {
      AtomicBoolean done = new AtomicBoolean();
      CountDownLatch running = new CountDownLatch(8);
      List<Future<Integer>> clients =
          Stream.generate(() -> pool.submit(() -> predict(tiny, done, running))).limit(8).toList();
      running.await();
      for (int i = 0; i < 3; i++) {
        assertThat(state(retrain(tiny))).isEqualTo("accepted");
        assertThat(tiny.client.post("/model/rollback").status()).isEqualTo(200);
      }
      done.set(true);
      for (Future<Integer> client : clients) {
        assertThat(client.get()).isPositive();
      }
    }
  }

  private static int predict(Tiny tiny, AtomicBoolean done, CountDownLatch running) {
    int count = 0;
    byte[] picture = Tiny.picture(true, 1);
    while (!done.get()) {
      Reply reply = tiny.client.post("/predict", picture);
      assertThat(reply.status()).as(reply.text()).isEqualTo(200);
      count++;
      running.countDown();
    }
    return count;
  }

  @Test
  void slowsClientsDownWhileItTrains() {
    ServiceOptions.Http http = Tiny.http().withLimits(8 << 20, 4096, 2);
    try (Tiny tiny = Tiny.trained(Tiny.options(home, http, TRAINING))) {
      for (int i = 0; i < 10; i++) {
        assertThat(tiny.client.post("/predict", Tiny.picture(true, i)).status()).isEqualTo(200);
      }
      tiny.client.post("/retrain", "{\"epochs\":1000}");
      Reply reply = tiny.client.post("/predict", Tiny.picture(true, 1));
      for (int i = 0; i < 100 && reply.status() == 200; i++) {
        reply = tiny.client.post("/predict", Tiny.picture(true, i));
      }
      assertThat(reply.status()).isEqualTo(429);
      assertThat(reply.header("Retry-After")).isEqualTo("1");
      assertThat(reply.error()).contains("training");
    }
  }
}
