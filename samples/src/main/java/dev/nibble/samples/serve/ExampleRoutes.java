package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.kernels.FeatureMap;
import io.javalin.http.Context;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.function.Predicate;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/** The routes of the labelled pictures: kept, listed, shown, relabelled, deleted. */
final class ExampleRoutes {
  private static final int MOST_LABELS = 1000;
  private static final int MOST_PAGE = 1000;
  private static final int PAGE = 50;

  private final ModelRegistry registry;
  private final ExampleStore store;
  private final PictureIntake intake;
  private final PictureRate rate;
  private final Events events;
  private final FeatureMap input;
  private final JsonBody labels;

  ExampleRoutes(
      ModelRegistry registry,
      ExampleStore store,
      PictureIntake intake,
      PictureRate rate,
      Events events,
      FeatureMap input,
      ServiceOptions.Http options) {
    this.registry = registry;
    this.store = store;
    this.intake = intake;
    this.rate = rate;
    this.events = events;
    this.input = input;
    this.labels = new JsonBody("label", "send {\"label\":\"cat\"}", options);
  }

  void addTo(Api.Routes routes) {
    routes.post("/examples", this::add);
    routes.get("/examples", this::list);
    routes.get("/examples/{id}", request -> Answer.ok(json(find(id(request)))));
    routes.get("/examples/{id}/picture", this::picture);
    routes.patch("/examples/{id}", this::relabel);
    routes.delete("/examples/{id}", this::delete);
  }

  private Answer add(Context request) throws IOException {
    String label = label(request.queryParam("label"));
    rate.check();
    byte[] picture = intake.read(request, input);
    Example example = store.add(label, picture);
    JsonObject seen = publish();
    return Answer.json(
        Answer.CREATED,
        JsonObject.builder()
            .put("id", example.id())
            .put("label", example.label())
            .put("count", seen.get("count"))
            .build());
  }

  private String label(@Nullable String text) {
    String label = Labels.of(text, registry.knownClasses());
    // Each label becomes a class, and so a part of the network.
    SortedMap<String, Integer> there = store.labels();
    if (there.size() >= MOST_LABELS && !there.containsKey(label)) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST,
          String.format(
              Locale.ROOT, "There are %d labels already: use one of them.", there.size()));
    }
    return label;
  }

  private Answer list(Context request) {
    long before = Parameters.query(request, "before", 0, Long.MAX_VALUE, Long.MAX_VALUE);
    int limit = (int) Parameters.query(request, "limit", 0, MOST_PAGE, PAGE);
    String label = request.queryParam("label");
    String wanted = label == null ? null : Labels.composed(label);
    Predicate<Example> filter = e -> wanted == null || e.label().equals(wanted);
    // One more than is shown, to know whether there are more.
    List<Example> page = store.page(before, limit + 1, filter);
    boolean isMore = page.size() > limit;
    List<JsonValue> shown = new ArrayList<>();
    page.stream().limit(limit).forEach(e -> shown.add(json(e)));
    JsonObject.Builder answer = JsonObject.builder();
    summary().members().forEach(answer::put);
    return Answer.ok(
        answer
            .put("examples", JsonValue.array(shown))
            .put("next", isMore && limit > 0 ? JsonValue.of(page.get(limit - 1).id()) : Json.NULL)
            .build());
  }

  private Answer picture(Context request) throws IOException {
    long id = id(request);
    byte[] pixels = store.pixels(id);
    if (pixels == null) {
      throw none(id);
    }
    return Answer.of(Answer.OK, "image/png", png(pixels));
  }

  private byte[] png(byte[] pixels) throws IOException {
    int height = input.height();
    int width = input.width();
    int channels = input.channels();
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < height * width; i++) {
      int red = pixels[i * channels] & 0xFF;
      int green = channels < 3 ? red : pixels[i * channels + 1] & 0xFF;
      int blue = channels < 3 ? red : pixels[i * channels + 2] & 0xFF;
      image.setRGB(i % width, i / width, red << 16 | green << 8 | blue);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    if (!ImageIO.write(image, "png", out)) {
      throw new IllegalStateException("This Java runtime writes no PNG");
    }
    return out.toByteArray();
  }

  private Answer relabel(Context request) throws IOException {
    long id = id(request);
    JsonValue given = labels.read(request);
    if (given == null) {
      throw labels.wrong(" (it holds no label)");
    }
    String label;
    try {
      label = label(given.asString());
    } catch (JsonException e) {
      throw labels.wrong(" (" + e.getMessage() + ")");
    }
    Example example = store.relabel(id, label);
    if (example == null) {
      throw none(id);
    }
    publish();
    return Answer.ok(json(example));
  }

  private Answer delete(Context request) throws IOException {
    long id = id(request);
    Example example = store.delete(id);
    if (example == null) {
      throw none(id);
    }
    JsonObject seen = publish();
    return Answer.ok(
        JsonObject.builder()
            .put("id", example.id())
            .put("label", example.label())
            .put("count", seen.get("count"))
            .build());
  }

  private static long id(Context request) {
    return Parameters.path(request, "id");
  }

  private Example find(long id) {
    Example example = store.find(id);
    if (example == null) {
      throw none(id);
    }
    return example;
  }

  private static HttpProblem none(long id) {
    return new HttpProblem(
        HttpProblem.NOT_FOUND,
        String.format(Locale.ROOT, "There is no example %d: it may have been deleted.", id));
  }

  private static JsonObject json(Example example) {
    return JsonObject.builder()
        .put("id", example.id())
        .put("label", example.label())
        .put("created", Instant.ofEpochMilli(example.time()).toString())
        .build();
  }

  private JsonObject publish() {
    JsonObject seen = summary();
    events.publish("examples", seen);
    return seen;
  }

  private JsonObject summary() {
    JsonObject.Builder counts = JsonObject.builder();
    store.labels().forEach(counts::put);
    return JsonObject.builder().put("count", store.count()).put("labels", counts.build()).build();
  }
}
