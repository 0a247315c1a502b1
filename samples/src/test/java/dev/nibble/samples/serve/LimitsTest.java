package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.samples.serve.Client.Reply;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is too large, damaged or of another kind is refused in one sentence, and costs little. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LimitsTest {
  private static final int MAX_BODY = 40_000;
  private static final int MAX_SIDE = 200;

  @SuppressWarnings("NullAway.Init") // set by start
  private Tiny tiny;

  @BeforeAll
  void start(@TempDir Path home) {
    ServiceOptions.Http http = Tiny.http().withLimits(MAX_BODY, MAX_SIDE, 1000);
    tiny = Tiny.trained(Tiny.options(home, http, Tiny.training()));
  }

  @AfterAll
  void stop() {
    tiny.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/predict", "/examples?label=rows"})
  void refusesABodyThatIsTooLong(String path) {
    Reply reply = tiny.client.post(path, new byte[MAX_BODY + 1]);
    assertThat(reply.status()).isEqualTo(413);
    assertThat(reply.error()).contains(MAX_BODY + " bytes");
  }

  /** Else a client would send its next request on a connection that is about to be closed. */
  @ParameterizedTest
  @CsvSource({"'', 413", "'Origin: http://evil.example\r\n', 403"})
  void hangsUpOnABodyThatItDoesNotReadButNotBeforeItsEnd(String header, int status)
      throws IOException {
    String request =
        "POST /predict HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n"
            .formatted(header.translateEscapes(), 2 * MAX_BODY);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), tiny.service.port())) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(new byte[MAX_BODY]);
      byte[] answer = new byte[1 << 14];
      int count = socket.getInputStream().read(answer); // it comes before the body's end
      // Whoever hung up already would answer this with a reset, which may cost its own answer.
      socket.getOutputStream().write(new byte[MAX_BODY]);
      byte[] rest = socket.getInputStream().readAllBytes();
      String text =
          new String(answer, 0, count, StandardCharsets.UTF_8)
              + new String(rest, StandardCharsets.UTF_8);
      assertThat(text).startsWith("HTTP/1.1 " + status).contains("Connection: close");
    }
  }

  @Test
  void refusesALongBodyThatDoesNotSayHowLongItIs() {
    byte[] body = Arrays.copyOf(Tiny.picture(true, 1), MAX_BODY + 1);
    Reply reply =
        tiny.client.send(
            tiny.client
                .request("/predict")
                .POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)))
                .build());
    assertThat(reply.status()).isEqualTo(413);
  }

  @Test
  void takesABodyThatDoesNotSayHowLongItIs() {
    byte[] body = Tiny.picture(true, 1);
    Reply reply =
        tiny.client.send(
            tiny.client
                .request("/predict")
                .POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)))
                .build());
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
  }

  @Test
  void refusesAnEmptyBody() {
    Reply reply = tiny.client.post("/predict");
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error()).contains("empty");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"GIF88a, and so on", "%PDF-1.7", "<svg xmlns='http://www.w3.org/2000/svg'/>", "x"})
  void refusesWhatIsNoPicture(String body) {
    Reply reply = tiny.client.post("/predict", body);
    assertThat(reply.status()).isEqualTo(415);
    assertThat(reply.error()).contains("PNG").contains("JPEG");
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpg", "gif", "bmp", "tiff"})
  void takesTheKindsThatFoldersTake(String format) {
    Reply reply = tiny.client.post("/predict", TinyPictures.file(true, 4, format));
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    assertThat(reply.json().get("label").asString()).isIn("rows", "columns");
  }

  @ParameterizedTest
  @ValueSource(strings = {"GIF89a, and so on", "BM, and so on", "II*\0, and so on"})
  void refusesWhatOnlyBeginsAsAPicture(String body) {
    Reply reply = tiny.client.post("/predict", body);
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error()).contains("can't be decoded");
  }

  @ParameterizedTest
  @CsvSource({"png, 60", "png, 20", "jpg, 120", "jpg, 4"})
  void refusesAPictureThatIsCutOff(String format, int bytes) {
    byte[] whole = TinyPictures.file(true, 4, format);
    Reply reply = tiny.client.post("/predict", Arrays.copyOf(whole, bytes));
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error()).contains("can't be decoded");
  }

  @ParameterizedTest
  @CsvSource({"201, 10", "10, 201", "60000, 60000", "2147483647, 2147483647"})
  void refusesABombByItsHeader(int width, int height) {
    Reply reply = tiny.client.post("/predict", header(width, height));
    assertThat(reply.status()).isIn(400, 413);
    assertThat(reply.error()).containsAnyOf("more than 200", "far too large");
  }

  /** A PNG of that size by its header, with nothing behind it. */
  private static byte[] header(int width, int height) {
    ByteBuffer png = ByteBuffer.allocate(8 + 25 + 12 + 12);
    png.putLong(0x89504E470D0A1A0AL);
    byte[] ihdr =
        ByteBuffer.allocate(17)
            .put("IHDR".getBytes(StandardCharsets.US_ASCII))
            .putInt(width)
            .putInt(height)
            .put(new byte[] {8, 2, 0, 0, 0})
            .array();
    png.putInt(13).put(ihdr).putInt(crc(ihdr));
    for (String name : new String[] {"IDAT", "IEND"}) {
      byte[] chunk = name.getBytes(StandardCharsets.US_ASCII);
      png.putInt(0).put(chunk).putInt(crc(chunk));
    }
    return png.array();
  }

  private static int crc(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  @Test
  void takesTheLargestPictureThatIsAllowed() {
    byte[] largest =
        TinyPictures.encode(
            new BufferedImage(MAX_SIDE, MAX_SIDE, BufferedImage.TYPE_INT_RGB), "png");
    assertThat(tiny.client.post("/predict", largest).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GARBAGE\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n"
      })
  void answersToBrokenHttpInJson(String request) throws IOException {
    String answer = raw(request);
    assertThat(answer).startsWith("HTTP/1.1 ").contains("{\"error\":\"");
    assertThat(Integer.parseInt(answer.substring(9, 12))).isBetween(400, 505);
    assertThat(tiny.client.get("/health").status()).isEqualTo(200);
  }

  @Test
  void takesNoPictureFromAClientThatLeavesInTheMiddle() throws IOException {
    byte[] whole = Tiny.picture(true, 1); // sound as far as it goes: only the length tells
    String answer = raw(head("/examples?label=rows", whole.length + 1), whole);
    assertThat(answer).startsWith("HTTP/1.1 400").contains("before its announced length");
    assertThat(tiny.client.get("/examples").json().get("count").asLong()).isZero();
  }

  @Test
  void blamesTheClientForATrainingWhoseBodyBreaksOff() throws IOException {
    String answer =
        raw(head("/retrain", 100), "{\"epochs\":1}".getBytes(StandardCharsets.US_ASCII));
    assertThat(answer).startsWith("HTTP/1.1 400").contains("before its announced length");
  }

  private static String head(String path, int length) {
    return "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        .formatted(path, length);
  }

  private String raw(String request) throws IOException {
    return raw(request, new byte[0]);
  }

  private String raw(String head, byte[] body) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), tiny.service.port())) {
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(body);
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "Host, evil.example, 403",
    "Host, evil.example:80, 403",
    "Host, localhost:1234, 200",
    "Host, [::1]:1234, 200",
  })
  void answersToItsOwnNamesOnly(String name, String value, int status) throws IOException {
    String answer =
        raw("GET /status HTTP/1.1\r\n%s: %s\r\nConnection: close\r\n\r\n".formatted(name, value));
    assertThat(answer).startsWith("HTTP/1.1 " + status);
  }

  @Test
  void refusesThePagesOfOthers() {
    Reply reply =
        tiny.client.send(
            tiny.client
                .request("/examples?label=rows")
                .header("Origin", "http://evil.example")
                .POST(BodyPublishers.ofByteArray(Tiny.picture(true, 1)))
                .build());
    assertThat(reply.status()).isEqualTo(403);
    reply =
        tiny.client.send(
            tiny.client
                .request("/predict")
                .header("Origin", "http://127.0.0.1:" + tiny.service.port())
                .POST(BodyPublishers.ofByteArray(Tiny.picture(true, 1)))
                .build());
    assertThat(reply.status()).isEqualTo(200);
  }
}
