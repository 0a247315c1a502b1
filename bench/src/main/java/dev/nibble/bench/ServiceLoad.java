package dev.nibble.bench;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * Measures what a retraining costs the clients of {@code nibble serve}: the latency of /predict at
 * a steady rate, first at rest, then with a training under way. Server and load are processes of
 * their own on the same cores. Exit code: 0 if the training cost less than three times the 99th
 * percentile and no request failed, else 1.
 */
public final class ServiceLoad {
  private static final double RATE = 50;
  private static final double WARM_UP_RATE = 200;
  private static final double WARM_UP_SECONDS = 10;
  private static final double IDLE_SECONDS = 30;
  private static final double MOST_TRAINING_SECONDS = 120;
  private static final int EPOCHS = 2;
  private static final double MOST_RATIO = 3;
  private static final int FAILED = 1;
  private static final int BAD_INPUT = 2;

  /** The first model need not be good, and the new one takes over in any case. */
  private static final List<String> OPTIONS = List.of("--epochs", "1", "--margin", "100%");

  private static final int PICTURES = 16;
  private static final int SIDE = 64;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final URI service;

  private ServiceLoad(URI service) {
    this.service = service;
  }

  /** Runs the program; its argument is the JSON file to write. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    System.exit(run(arguments));
  }

  /** The program without its exit. */
  static int run(String... arguments) throws IOException, InterruptedException {
    if (arguments.length != 1 || arguments[0].startsWith("-")) {
      System.err.println("nibble: Name the JSON file, alone: nibble bench --service FILE.");
      return BAD_INPUT;
    }
    Path file = Path.of(arguments[0]).toAbsolutePath();
    Path root = BenchFolder.find().toAbsolutePath().resolve("..").normalize();
    Path home = Files.createTempDirectory("nibble-service-load");
    try (ServedProcess served =
        ServedProcess.start(root.resolve("samples").resolve("nibble"), home, OPTIONS)) {
      JsonObject result = new ServiceLoad(served.address()).measure(root);
      Files.writeString(file, JsonWriter.indented(result) + "\n");
      return result.get("good").asBoolean() ? 0 : FAILED;
    } finally {
      delete(home);
    }
  }

  private JsonObject measure(Path root) throws IOException, InterruptedException {
    System.out.println("Waiting for the first model.");
    awaitEnd();
    HttpRequest[] requests = requests();
    new SteadyLoad(client, requests, WARM_UP_RATE).run(WARM_UP_SECONDS, () -> true);
    SteadyLoad load = new SteadyLoad(client, requests, RATE);
    SteadyLoad.Result idle = load.run(IDLE_SECONDS, () -> true);
    print("at rest", idle);
    HttpRequest retrain =
        request("/retrain")
            .POST(BodyPublishers.ofString("{\"epochs\":%d}".formatted(EPOCHS)))
            .build();
    int started = client.send(retrain, BodyHandlers.discarding()).statusCode();
    if (started != 202) {
      throw new IOException("The retraining did not start: status " + started);
    }
    // To its end: the new version takes over under load, too. Watched on a thread of its own: the
    // common pool, where answers are counted, has but one where there are two cores.
    CompletableFuture<JsonObject> end =
        CompletableFuture.supplyAsync(this::awaitEnd, Thread::startVirtualThread);
    SteadyLoad.Result busy = load.run(MOST_TRAINING_SECONDS, () -> !end.isDone());
    JsonObject training = end.join();
    print("while it trains", busy);
    double ratio = busy.p99() / idle.p99();
    boolean trained = training.get("state").asString().equals("accepted");
    System.out.printf(Locale.ROOT, "99th percentile: %.2f times%n", ratio);
    return JsonObject.builder()
        .put("commit", Machine.commit(root))
        .put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString())
        .put("command", "nibble bench --service bench/results/service.json")
        .put("server", "nibble serve --port 0 --home FOLDER " + String.join(" ", OPTIONS))
        .put("cpu", Machine.processor())
        .put("os", Machine.system())
        .put("jdk", Machine.jdk())
        .put("requests_per_second", RATE)
        .put("picture", "PNG, %d x %d pixels".formatted(SIDE, SIDE))
        .put("idle", json(idle))
        .put("training", json(busy))
        .put("training_ended", training.get("message").asString())
        .put("training_images_per_second", training.get("images_per_second"))
        .put("ratio_p99", rounded(ratio))
        .put("good", trained && idle.failed() == 0 && busy.failed() == 0 && ratio < MOST_RATIO)
        .build();
  }

  private static void print(String when, SteadyLoad.Result result) {
    System.out.printf(
        Locale.ROOT,
        "%-16s %d requests, %d failed; ms: median %.2f, 99 %% %.2f, longest %.2f%n",
        when,
        result.sent(),
        result.failed(),
        result.p50(),
        result.p99(),
        result.max());
  }

  private static JsonObject json(SteadyLoad.Result result) {
    return JsonObject.builder()
        .put("requests", result.sent())
        .put("failed", result.failed())
        .put("p50_ms", rounded(result.p50()))
        .put("p99_ms", rounded(result.p99()))
        .put("max_ms", rounded(result.max()))
        .build();
  }

  private static JsonValue rounded(double value) {
    return JsonValue.of(Math.round(value * 1000) / 1000.0);
  }

  /** Waits until no training runs, and returns how the last one ended. */
  private JsonObject awaitEnd() {
    try {
      JsonObject training = training();
      while (training.get("state").asString().equals("running")) {
        Thread.sleep(500);
        training = training();
      }
      return training;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private JsonObject training() throws IOException, InterruptedException {
    String status = client.send(request("/status").build(), BodyHandlers.ofString()).body();
    return JsonParser.parse(status).asObject().get("training").asObject();
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(service.resolve(path)).timeout(PATIENCE);
  }

  private HttpRequest[] requests() throws IOException {
    HttpRequest[] requests = new HttpRequest[PICTURES];
    for (int i = 0; i < PICTURES; i++) {
      requests[i] = request("/predict").POST(BodyPublishers.ofByteArray(picture(i))).build();
    }
    return requests;
  }

  /** Smooth colours with some noise, so that it is neither trivial nor huge as a PNG. */
  private static byte[] picture(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        int noise = random.nextInt(16);
        image.setRGB(x, y, (3 * x + noise) << 16 | (3 * y + noise) << 8 | (x + y + noise));
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    if (!ImageIO.write(image, "png", out)) {
      throw new IOException("This Java runtime writes no PNG");
    }
    return out.toByteArray();
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
