package dev.nibble.samples.serve;

import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import io.javalin.http.Context;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The routes that take a picture: to classify it, or to keep it with a label. */
final class PictureRoutes {
  private static final int TOP = 5;
  private static final int MOST_LABELS = 1000;
  private static final Pattern LABEL =
      Pattern.compile("[A-Za-z0-9 _.-]{1," + ExampleRecord.MOST_LABEL + "}");

  private final ModelRegistry registry;
  private final ExampleStore store;
  private final Retraining retraining;
  private final PictureIntake intake;
  private final TokenBucket bucket;
  private final FeatureMap input;
  private final Events events;

  PictureRoutes(
      ModelRegistry registry,
      ExampleStore store,
      Retraining retraining,
      Events events,
      FeatureMap input,
      ServiceOptions.Http options) {
    this.registry = registry;
    this.store = store;
    this.retraining = retraining;
    this.events = events;
    this.input = input;
    this.intake = new PictureIntake(options);
    this.bucket = new TokenBucket(options.rate(), System::nanoTime);
  }

  void addTo(Api.Routes routes) {
    routes.post("/predict", this::predict);
    routes.post("/examples", this::addExample);
    routes.get("/examples", request -> Answer.ok(examples()));
  }

  private Answer predict(Context request) {
    int top = top(request.queryParam("top"));
    checkRate();
    if (registry.version() == null) {
      throw noModel(); // before the picture is read
    }
    byte[] picture = intake.read(request, input);
    Serving serving = registry.hold();
    if (serving == null) {
      throw noModel();
    }
    try {
      float[] logits = new float[serving.predictor().classes()];
      serving.predictor().predictBytes(picture, 1, logits);
      return Answer.ok(prediction(serving, logits, top));
    } finally {
      serving.release();
    }
  }

  private static HttpProblem noModel() {
    return new HttpProblem(
        HttpProblem.UNAVAILABLE,
        "There is no model yet: wait for the end of the first training, which /status shows.",
        5);
  }

  private static int top(@Nullable String text) {
    if (text == null) {
      return TOP;
    }
    if (!text.matches("[1-9][0-9]{0,5}")) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST, "The parameter top is no number of classes: give 1 or more.");
    }
    return Integer.parseInt(text);
  }

  private static JsonObject prediction(Serving serving, float[] logits, int top) {
    ModelInfo info = serving.info();
    double[] shares = new double[logits.length];
    int[] largest = new int[Math.min(top, logits.length)];
    Classes.probabilities(logits, 0, logits.length, shares);
    Classes.top(logits, 0, logits.length, largest);
    List<JsonValue> classes = new ArrayList<>();
    for (int index : largest) {
      classes.add(
          JsonObject.builder()
              .put("label", info.classes().get(index))
              .put("probability", Json.orNull(shares[index]))
              .build());
    }
    return JsonObject.builder()
        .put("version", serving.version())
        .put("label", info.classes().get(largest[0]))
        .put("classes", JsonValue.array(classes))
        .build();
  }

  private Answer addExample(Context request) throws IOException {
    String label = label(request.queryParam("label"));
    checkCount(label);
    checkRate();
    byte[] picture = intake.read(request, input);
    Example example = store.add(label, picture);
    JsonObject seen = examples();
    events.publish("examples", seen);
    return Answer.json(
        Answer.CREATED,
        JsonObject.builder()
            .put("id", example.id())
            .put("label", example.label())
            .put("count", seen.get("count"))
            .build());
  }

  private static String label(@Nullable String text) {
    if (text == null) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST, "The label is missing: add ?label=NAME to the address.");
    }
    String label = text.strip();
    if (!LABEL.matcher(label).matches()) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST,
          "The label has other signs than A-Z, a-z, 0-9, space, _, . and -, or not 1 to 64 of them:"
              + " choose another.");
    }
    return label;
  }

  /** Each label becomes a class, and so a part of the network. */
  private void checkCount(String label) {
    SortedMap<String, Integer> labels = store.labels();
    if (labels.size() >= MOST_LABELS && !labels.containsKey(label)) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST,
          String.format(
              Locale.ROOT, "There are %d labels already: use one of them.", labels.size()));
    }
  }

  private void checkRate() {
    if (retraining.isRunning() && !bucket.tryTake()) {
      throw new HttpProblem(
          HttpProblem.TOO_MANY,
          "Too many pictures for a service that is training: send fewer, or wait for its end.",
          1);
    }
  }

  private JsonObject examples() {
    JsonObject.Builder labels = JsonObject.builder();
    store.labels().forEach(labels::put);
    return JsonObject.builder().put("count", store.count()).put("labels", labels.build()).build();
  }
}
