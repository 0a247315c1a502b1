package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service in a process of its own: stopped, killed, started twice. */
class ServeProcessTest {
  private static final Pattern PORT = Pattern.compile("Serving at http://127\\.0\\.0\\.1:(\\d+)");
  private static final String LINE = "[0-9-]{10}T[0-9:.]{8,12}Z INFO [A-Z].*";
  private static final int BEFORE_KILL = 20;
  private static final int CLIENTS = 4;

  @TempDir private Path folder;

  @BeforeEach
  void drawPictures() throws IOException {
    PictureFolders.create(folder.resolve("pictures"), 16, 4);
  }

  private NibbleProcess start(String... more) throws IOException {
    return startIn("home", 0, more);
  }

  private NibbleProcess startIn(String home, int port, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("serve", "--data", "pictures"));
    arguments.addAll(List.of("--model", "resnet8", "--batch", "8", "--kernels", "scalar"));
    arguments.addAll(List.of("--port", "" + port, "--home", home, "--train-threads", "1"));
    arguments.addAll(List.of(more));
    return NibbleProcess.start(folder, arguments);
  }

  private static URI address(NibbleProcess process) throws IOException, InterruptedException {
    Matcher matcher = PORT.matcher(process.awaitOutput("Ctrl-C stops"));
    assertThat(matcher.find()).isTrue();
    return URI.create("http://127.0.0.1:" + matcher.group(1));
  }

  private static HttpResponse<String> get(HttpClient http, URI address)
      throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(address).timeout(Duration.ofSeconds(60)).build(),
        BodyHandlers.ofString());
  }

  @Test
  void endsInOrderWhenItIsToldTo() throws IOException, InterruptedException {
    try (NibbleProcess process = start("--epochs", "1000");
        HttpClient http = HttpClient.newHttpClient()) {
      URI address = address(process);
      assertThat(get(http, address.resolve("/status")).body()).contains("\"running\"");
      process.terminate();
      NibbleProcess.Result result = process.await();
      assertThat(result.code()).as("ended by SIGTERM").isEqualTo(143);
      assertThat(result.out()).endsWith("Stopping.\n");
      // A leak of the memory account, or a failure to stop, would be told here.
      assertThat(result.err().lines()).allMatch(line -> line.matches(LINE));
      assertThat(result.err()).contains(" INFO Started at 127.0.0.1, port ", " INFO Training: ");
      assertThat(result.err().lines().toList().getLast()).endsWith("there is no model yet.");
    }
  }

  @Test
  void leavesAHomeToTheOneThatHasIt() throws IOException, InterruptedException {
    try (NibbleProcess first = start("--epochs", "1000")) {
      address(first);
      try (NibbleProcess second = start()) {
        NibbleProcess.Result result = second.await();
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err())
            .isEqualTo(
                "nibble: Another process serves from home: stop it, or choose another --home.\n");
      }
    }
  }

  @Test
  void saysThatAPortIsTaken() throws IOException, InterruptedException {
    try (NibbleProcess first = start("--epochs", "1000")) {
      int port = address(first).getPort();
      try (NibbleProcess second = startIn("other", port)) {
        NibbleProcess.Result result = second.await();
        assertThat(result.err()).startsWith("nibble: Cannot listen at 127.0.0.1, port " + port);
        assertThat(result.code()).isEqualTo(2);
      }
    }
  }

  @Test
  void listensToOthersWithoutATokenOnlyIfToldTwice() throws IOException, InterruptedException {
    try (NibbleProcess process = start("--host", "0.0.0.0", "--insecure", "--epochs", "1000")) {
      process.awaitOutput("Ctrl-C stops");
    }
  }

  @Test
  void logsEveryRequestAtDebugLevel() throws IOException, InterruptedException {
    try (NibbleProcess process = start("--epochs", "1000", "--log", "debug");
        HttpClient http = HttpClient.newHttpClient()) {
      URI address = address(process);
      HttpRequest request =
          HttpRequest.newBuilder(address.resolve("/examples/7?token=secret"))
              .header("X-Request-Id", "mine-1")
              .build();
      HttpResponse<String> reply = http.send(request, BodyHandlers.ofString());
      assertThat(reply.headers().firstValue("X-Request-Id")).contains("mine-1");
      assertThat(get(http, address.resolve("/status")).headers().firstValue("X-Request-Id"))
          .isPresent();
      process.terminate();
      String log = process.await().err();
      assertThat(log)
          .contains(" INFO Refused GET /examples/7 with 404 (request mine-1): There is no example")
          .containsPattern(" DEBUG GET /examples/7: 404 in [0-9.]+ ms \\(request mine-1\\)")
          .containsPattern(" DEBUG GET /status: 200 in ")
          .doesNotContain("secret");
    }
  }

  /** Killed in the middle of many clients' examples: whatever was acknowledged is there. */
  @Test
  void losesNoExampleThatItAcknowledgedWhenItIsKilled() throws Exception {
    byte[] picture = Files.readAllBytes(folder.resolve("pictures/train/left/p001.png"));
    Set<Long> acknowledged = ConcurrentHashMap.newKeySet();
    try (NibbleProcess process = start("--epochs", "1000");
        HttpClient http = HttpClient.newHttpClient();
        ExecutorService pool = Executors.newFixedThreadPool(CLIENTS)) {
      URI address = address(process).resolve("/examples?label=left");
      CountDownLatch enough = new CountDownLatch(BEFORE_KILL);
      List<Future<?>> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        clients.add(pool.submit(() -> post(http, address, picture, acknowledged, enough)));
      }
      enough.await();
      process.kill();
      for (Future<?> client : clients) {
        client.get();
      }
      assertThat(process.await().code()).isEqualTo(137);
    }
    assertThat(acknowledged).hasSizeGreaterThanOrEqualTo(BEFORE_KILL);
    try (NibbleProcess process = start("--epochs", "1000");
        HttpClient http = HttpClient.newHttpClient()) {
      URI address = address(process).resolve("/examples");
      long count = JsonParser.parse(get(http, address).body()).asObject().get("count").asLong();
      // Numbers are given in order, so the highest one stands for all before it.
      assertThat(acknowledged).allMatch(id -> id < count);
      process.terminate();
      NibbleProcess.Result result = process.await();
      assertThat(result.err().lines())
          .allMatch(line -> line.startsWith("nibble: Cut ") || line.matches(LINE));
    }
  }

  private static void post(
      HttpClient http, URI address, byte[] picture, Set<Long> acknowledged, CountDownLatch enough) {
    HttpRequest request =
        HttpRequest.newBuilder(address).POST(BodyPublishers.ofByteArray(picture)).build();
    try {
      while (true) {
        HttpResponse<String> reply = http.send(request, BodyHandlers.ofString());
        if (reply.statusCode() != 201) {
          throw new AssertionError(reply.body());
        }
        acknowledged.add(JsonParser.parse(reply.body()).asObject().get("id").asLong());
        enough.countDown();
      }
    } catch (IOException e) {
      // The service was killed, as it should be.
      assertThat(enough.getCount()).isZero();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
