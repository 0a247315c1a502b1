package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.samples.Fuzz;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever clients send and disks hold, the service answers, starts and goes on. */
class ServeFuzzTest {
  private static final FeatureMap SHAPE = new FeatureMap(TinyPictures.SIDE, TinyPictures.SIDE, 3);
  private static final int ANSWER_MILLISECONDS = 15_000;

  @TempDir private Path folder;

  /** A part of them with right checksums: what a fault before the writing would leave. */
  @Test
  void examples() throws Exception {
    byte[] log = log();
    Path logs = Files.createDirectories(folder.resolve("logs"));
    AtomicLong count = new AtomicLong();
    Fuzz.run(
        "examples.log",
        List.of(log, Arrays.copyOf(log, ExampleRecord.HEADER)),
        e -> e instanceof ServiceException && e.getMessage() != null,
        input -> {
          byte[] bytes = input.clone();
          if (count.getAndIncrement() % 3 == 0) {
            sign(bytes);
          }
          empty(logs); // of what earlier ones had cut off
          Path file = Files.write(logs.resolve("examples.log"), bytes);
          int sound;
          try (ExampleStore store = store(file)) {
            sound = store.examples().size();
            store.add("new", TinyPictures.pixels(true, 1));
          }
          // What was acknowledged is there after the next start, and so is all that was sound.
          try (ExampleStore again = store(file)) {
            assertThat(again.examples()).hasSize(sound + 1);
          }
        });
  }

  private static void empty(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
  }

  private static ExampleStore store(Path file) {
    return ExampleStore.open(file, SHAPE, AppendFile::open, line -> {});
  }

  private static byte[] log() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(ExampleRecord.header(SHAPE).array());
    for (int i = 0; i < 4; i++) {
      byte[] pixels = TinyPictures.pixels(i % 2 == 0, i);
      ByteBuffer record = ExampleRecord.encode(i, 1_000L * i, "label" + i, pixels);
      byte[] bytes = new byte[record.limit()];
      record.get(0, bytes);
      out.write(bytes);
    }
    return out.toByteArray();
  }

  /** Gives the first record the checksum of what stands in it. */
  private static void sign(byte[] bytes) {
    int record = ExampleRecord.HEADER + ExampleRecord.PREFIX;
    if (bytes.length > record) {
      int length = ByteBuffer.wrap(bytes).getInt(ExampleRecord.HEADER);
      if (length > 0 && length <= bytes.length - record) {
        put(bytes, ExampleRecord.HEADER + 4, crc(bytes, record, length));
      }
    }
  }

  private static void put(byte[] bytes, int at, int value) {
    ByteBuffer.wrap(bytes).putInt(at, value);
  }

  private static int crc(byte[] bytes, int from, int count) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, count);
    return (int) crc.getValue();
  }

  @Test
  void requests() throws Exception {
    try (Tiny tiny = Tiny.trained(Tiny.options(folder.resolve("home")))) {
      Fuzz.run(
          "http",
          requestsThatAreSound(),
          e -> false,
          input -> {
            int status = ask(tiny.service.port(), input);
            assertThat(status).matches(ServeFuzzTest::isAnswer);
          });
      assertThat(tiny.client.awaitTraining().get("state").asString()).isNotEqualTo("running");
      assertThat(tiny.client.get("/health").status()).isEqualTo(200);
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 9)).status()).isEqualTo(200);
    }
  }

  /** No answer at all is for who closes a connection before a request is whole. */
  private static boolean isAnswer(int status) {
    // These two are the client's fault as well: a method, or a version of HTTP, that nobody knows.
    return (status >= 0 && status < 500) || status == 501 || status == 505;
  }

  private static List<byte[]> requestsThatAreSound() throws IOException {
    List<byte[]> requests = new ArrayList<>();
    byte[] picture = Tiny.picture(true, 5);
    requests.add(request("POST /predict", "image/png", picture));
    requests.add(request("POST /examples?label=rows", "image/png", picture));
    requests.add(request("POST /predict", "image/jpeg", TinyPictures.file(false, 3, "jpg")));
    requests.add(request("POST /retrain", "application/json", new byte[0]));
    requests.add(request("GET /model", "application/json", new byte[0]));
    requests.add(request("GET /metrics", "text/plain", new byte[0]));
    return requests;
  }

  private static byte[] request(String line, String type, byte[] body) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    String head =
        "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
            .formatted(line, type, body.length);
    out.write(head.getBytes(StandardCharsets.ISO_8859_1));
    out.write(body);
    return out.toByteArray();
  }

  /** Returns the answer's status, or 0 if the connection was closed without one. */
  private static int ask(int port, byte[] request) throws IOException {
    try (Socket socket = new Socket()) {
      socket.setSoTimeout(ANSWER_MILLISECONDS);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 5_000);
      try {
        socket.getOutputStream().write(request);
        socket.shutdownOutput();
        return status(socket.getInputStream());
      } catch (SocketException e) {
        return 0; // it was refused before all of it was sent
      }
    }
  }

  private static int status(InputStream in) throws IOException {
    byte[] start = in.readNBytes("HTTP/1.1 200".length());
    String line = new String(start, StandardCharsets.ISO_8859_1);
    return line.length() < 12 ? 0 : Integer.parseInt(line.substring(9));
  }
}
