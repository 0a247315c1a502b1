package dev.nibble.bench;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Clients of one life of a service: they add, relabel, delete, ask and retrain until told to end.
 */
final class SoakClients {
  private static final int CLIENTS = 4;
  private static final long TRAINING_NANOS = 20_000_000_000L;
  private static final int ENOUGH = 1500;
  private static final int CHECKED_PICTURES = 40;
  private static final String[] LABELS = {"left", "right", "café", "猫"};
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final URI service;
  private final SoakLedger ledger;
  private final Totals totals;
  private final int pauseMillis;
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(PATIENCE).build();
  private final AtomicBoolean stop = new AtomicBoolean();

  /** Whether requests may stay unanswered, because the service is about to be killed. */
  private volatile boolean mayFail;

  private final List<Thread> threads = new ArrayList<>();

  /** Counts over all lives. */
  static final class Totals {
    final AtomicLong seeds = new AtomicLong();
    final AtomicLong predictions = new AtomicLong();
    final AtomicLong refusedByDisk = new AtomicLong();
    final AtomicLong trainings = new AtomicLong();
    final AtomicLong unexpected = new AtomicLong();

    void unexpected(String what) {
      if (unexpected.incrementAndGet() <= 5) {
        System.out.println("Unexpected: " + what);
      }
    }
  }

  SoakClients(URI service, SoakLedger ledger, Totals totals, SoakArguments arguments) {
    this.service = service;
    this.ledger = ledger;
    this.totals = totals;
    this.pauseMillis = (int) Math.ceil(1000 * CLIENTS / arguments.rate());
  }

  void start(long seed) {
    for (int i = 0; i < CLIENTS; i++) {
      SplittableRandom random = new SplittableRandom(seed + i);
      boolean trains = i == 0;
      threads.add(Thread.ofPlatform().start(() -> loop(random, trains)));
    }
  }

  /** From here on a request that is not answered is no fault. */
  void expectKill() {
    mayFail = true;
  }

  void stop() throws InterruptedException {
    stop.set(true);
    for (Thread thread : threads) {
      thread.join();
    }
    http.shutdownNow();
    http.close();
  }

  private void loop(SplittableRandom random, boolean trains) {
    long trainAt = System.nanoTime();
    try {
      while (!stop.get()) {
        if (trains && System.nanoTime() > trainAt) {
          retrain();
          trainAt = System.nanoTime() + TRAINING_NANOS;
        }
        act(random);
        Thread.sleep(random.nextInt(2 * pauseMillis));
      }
    } catch (IOException e) {
      if (!mayFail) {
        totals.unexpected(e.toString());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void act(SplittableRandom random) throws IOException, InterruptedException {
    int dice = random.nextInt(100);
    boolean many = ledger.size() > ENOUGH;
    if (dice < (many ? 15 : 40)) {
      add(random);
    } else if (dice < 55) {
      change(random, LABELS[random.nextInt(LABELS.length)]);
    } else if (dice < (many ? 80 : 60)) {
      change(random, SoakLedger.DELETED);
    } else if (dice < 97) {
      predict();
    } else {
      expect(send(request("/examples?limit=20").build()), 200);
    }
  }

  private void add(SplittableRandom random) throws IOException, InterruptedException {
    long seed = totals.seeds.incrementAndGet();
    String label = LABELS[random.nextInt(2)];
    HttpRequest request =
        request("/examples?label=" + label)
            .POST(BodyPublishers.ofByteArray(SoakPictures.png(seed)))
            .build();
    HttpResponse<byte[]> answer;
    try {
      answer = send(request);
    } catch (IOException e) {
      ledger.addedPerhaps();
      throw e;
    }
    if (answer.statusCode() == 201) {
      ledger.added(json(answer).get("id").asLong(), seed, label);
    } else {
      refusedByDisk(answer);
    }
  }

  private void change(SplittableRandom random, String label)
      throws IOException, InterruptedException {
    Long id = ledger.take(random);
    if (id == null) {
      return;
    }
    HttpRequest.Builder request = request("/examples/" + id);
    if (label.equals(SoakLedger.DELETED)) {
      request.DELETE();
    } else {
      request.method("PATCH", BodyPublishers.ofString("{\"label\":\"" + label + "\"}"));
    }
    HttpResponse<byte[]> answer;
    try {
      answer = send(request.build());
    } catch (IOException | InterruptedException e) {
      ledger.changedPerhaps(id, label);
      throw e;
    }
    if (answer.statusCode() == 200) {
      ledger.changed(id, label);
    } else {
      refusedByDisk(answer);
      ledger.unchanged(id);
    }
  }

  private void predict() throws IOException, InterruptedException {
    byte[] picture = SoakPictures.png(totals.seeds.get());
    if (expect(send(request("/predict").POST(BodyPublishers.ofByteArray(picture)).build()), 200)) {
      totals.predictions.incrementAndGet();
    }
  }

  private void retrain() throws IOException, InterruptedException {
    int status = send(request("/retrain").POST(BodyPublishers.noBody()).build()).statusCode();
    if (status == 202) {
      totals.trainings.incrementAndGet();
    } else if (status != 409) {
      totals.unexpected("status " + status + " of /retrain");
    }
  }

  private void refusedByDisk(HttpResponse<byte[]> answer) {
    if (answer.statusCode() == 507) {
      totals.refusedByDisk.incrementAndGet();
    } else {
      expect(answer, 507);
    }
  }

  private boolean expect(HttpResponse<byte[]> answer, int status) {
    if (answer.statusCode() == status) {
      return true;
    }
    totals.unexpected(
        "status %d of %s: %s"
            .formatted(
                answer.statusCode(),
                answer.uri(),
                new String(answer.body(), StandardCharsets.UTF_8)));
    return false;
  }

  /** Compares what the service holds with what it has acknowledged. */
  void compare() throws IOException, InterruptedException {
    Map<Long, String> listed = new HashMap<>();
    String query = "/examples?limit=1000";
    while (!query.isEmpty()) {
      JsonObject page = json(send(request(query).build()));
      for (JsonValue each : page.get("examples").asList()) {
        JsonObject example = each.asObject();
        listed.put(example.get("id").asLong(), example.get("label").asString());
      }
      JsonValue next = page.get("next");
      query =
          next instanceof JsonValue.JsonNull ? "" : "/examples?limit=1000&before=" + next.asLong();
    }
    ledger.compare(listed);
    int checked = 0;
    for (Long id : listed.keySet()) {
      long seed = ledger.seed(id);
      if (seed >= 0 && checked++ < CHECKED_PICTURES) {
        HttpResponse<byte[]> picture = send(request("/examples/" + id + "/picture").build());
        if (!expect(picture, 200) || !SoakPictures.isOf(seed, picture.body())) {
          ledger.pictureIsWrong();
        }
      }
    }
  }

  /** Waits until a model serves. */
  void awaitHealth(long seconds) throws IOException, InterruptedException {
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    while (send(request("/health").build()).statusCode() != 200) {
      if (System.nanoTime() > end) {
        throw new IOException("no model serves after " + seconds + " s");
      }
      Thread.sleep(100);
    }
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(service.resolve(path)).timeout(PATIENCE);
  }

  private HttpResponse<byte[]> send(HttpRequest request) throws IOException, InterruptedException {
    return http.send(request, BodyHandlers.ofByteArray());
  }

  private static JsonObject json(HttpResponse<byte[]> answer) {
    return JsonParser.parse(new String(answer.body(), StandardCharsets.UTF_8)).asObject();
  }
}
