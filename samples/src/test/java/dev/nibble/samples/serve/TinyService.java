package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.ShapesDataset;
import dev.nibble.engine.json.JsonLimits;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.kernels.provider.KernelProvider;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/** A service that learns a few shapes in a second, and a client to compare the page with. */
final class TinyService implements AutoCloseable {
  /** Steps of one pass. */
  static final int STEPS = 32;

  private static final int BATCH = 16;
  private static final long SEED = 11;
  private static final JsonLimits LIMITS = new JsonLimits(8, 1 << 20, 1 << 16);

  private final Service service;
  private final HttpClient client = HttpClient.newHttpClient();

  private TinyService(Service service) {
    this.service = service;
  }

  /**
   * Opens one.
   *
   * @param epochs passes of a retraining
   * @param port 0 for any
   */
  static TinyService open(Path home, int epochs, int port, @Nullable String token) {
    ServiceOptions.Training training =
        // Any accuracy will do: what is tested is what the page shows of it.
        new ServiceOptions.Training("resnet8", 1, 1, epochs, 0.01f, BATCH, 1.0);
    ServiceOptions options =
        new ServiceOptions(
            home,
            size ->
                new DataSplits(
                    ShapesDataset.train(SEED, BATCH * STEPS), ShapesDataset.test(SEED, 64), "shapes"),
            null,
            64 << 20,
            5,
            1,
            ServiceOptions.Http.defaults().at("127.0.0.1", port).withToken(token),
            training);
    return new TinyService(Service.open(options, KernelProvider.choose(null), line -> {}));
  }

  int port() {
    return service.port();
  }

  URI address() {
    return URI.create("http://127.0.0.1:" + port() + "/");
  }

  /** What the service answers to a GET. */
  JsonObject get(String path) {
    return send(HttpRequest.newBuilder(address().resolve(path)).GET().build());
  }

  /** What it answers to a POST, an error too. */
  JsonObject post(String path, byte[] body) {
    return send(
        HttpRequest.newBuilder(address().resolve(path))
            .POST(BodyPublishers.ofByteArray(body))
            .build());
  }

  private JsonObject send(HttpRequest request) {
    try {
      HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
      return JsonParser.parse(response.body(), LIMITS).asObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A disc on a dark ground, as a PNG. */
  static byte[] disc() {
    BufferedImage image = new BufferedImage(48, 48, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setColor(new Color(40, 60, 90));
      graphics.fillRect(0, 0, 48, 48);
      graphics.setColor(new Color(230, 170, 60));
      graphics.fillOval(10, 10, 28, 28);
    } finally {
      graphics.dispose();
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  @Override
  public void close() {
    client.close();
    service.close();
  }
}
