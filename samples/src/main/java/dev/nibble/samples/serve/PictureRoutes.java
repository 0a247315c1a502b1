package dev.nibble.samples.serve;

import dev.nibble.engine.data.Task;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import io.javalin.http.Context;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The routes that classify pictures: one, or all of a form. */
final class PictureRoutes {
  private static final int TOP = 5;
  private static final int MOST_TOP = 999_999;

  /** Pictures of one form, at most. */
  static final int MOST_PICTURES = 256;

  /** Pictures that are decoded before they are classified together. */
  private static final int CHUNK = 32;

  private final ModelRegistry registry;
  private final PictureIntake intake;
  private final PictureRate rate;
  private final FeatureMap input;

  PictureRoutes(ModelRegistry registry, PictureIntake intake, PictureRate rate, FeatureMap input) {
    this.registry = registry;
    this.intake = intake;
    this.rate = rate;
    this.input = input;
  }

  void addTo(Api.Routes routes) {
    routes.post("/predict", this::predict);
    routes.post("/predict/batch", this::predictAll);
  }

  private static int top(Context request) {
    return (int) Parameters.query(request, "top", 1, MOST_TOP, TOP);
  }

  private Answer predict(Context request) {
    int top = top(request);
    rate.check();
    if (registry.version() == null) {
      throw noModel(); // before the picture is read
    }
    byte[] picture = intake.read(request, input);
    Serving serving = hold();
    try {
      float[] logits = new float[serving.predictor().classes()];
      serving.predictor().predictBytes(picture, 1, logits);
      JsonObject.Builder answer = JsonObject.builder().put("version", serving.version());
      addPrediction(answer, serving, logits, 0, top);
      return Answer.ok(answer.build());
    } finally {
      serving.release();
    }
  }

  private Answer predictAll(Context request) {
    int top = top(request);
    if (registry.version() == null) {
      throw noModel();
    }
    return intake.use(
        request,
        "The form is empty: send pictures as its files.",
        body -> {
          List<Multipart.Part> parts = Multipart.parts(body, request.contentType(), MOST_PICTURES);
          Serving serving = hold();
          try {
            List<JsonValue> predictions = new ArrayList<>();
            for (int from = 0; from < parts.size(); from += CHUNK) {
              int to = Math.min(parts.size(), from + CHUNK);
              predictChunk(serving, body, parts.subList(from, to), top, predictions);
            }
            return Answer.ok(
                JsonObject.builder()
                    .put("version", serving.version())
                    .put("predictions", JsonValue.array(predictions))
                    .build());
          } finally {
            serving.release();
          }
        });
  }

  /** A picture that is refused costs only itself. */
  private void predictChunk(
      Serving serving, byte[] body, List<Multipart.Part> parts, int top, List<JsonValue> answers) {
    int bytes = input.values();
    byte[] pictures = new byte[parts.size() * bytes];
    @Nullable String[] refusals = new @Nullable String[parts.size()];
    int count = 0;
    for (int i = 0; i < parts.size(); i++) {
      rate.check();
      Multipart.Part part = parts.get(i);
      try {
        byte[] picture = intake.decode(Arrays.copyOfRange(body, part.from(), part.to()), input);
        System.arraycopy(picture, 0, pictures, count * bytes, bytes);
        count++;
      } catch (HttpProblem e) {
        if (e.retryAfter() > 0) {
          throw e; // not for what the picture is
        }
        refusals[i] = e.sentence();
      }
    }
    float[] logits = new float[Math.max(1, count) * serving.predictor().classes()];
    if (count > 0) {
      serving.predictor().predictBytes(pictures, count, logits);
    }
    int next = 0;
    for (int i = 0; i < parts.size(); i++) {
      JsonObject.Builder answer = JsonObject.builder().put("name", parts.get(i).name());
      String refusal = refusals[i];
      try {
        if (refusal == null) {
          addPrediction(answer, serving, logits, next++, top);
        } else {
          answer.put("error", refusal);
        }
      } catch (HttpProblem e) {
        answer.put("error", e.sentence());
      }
      answers.add(answer.build());
    }
  }

  private Serving hold() {
    Serving serving = registry.hold();
    if (serving == null) {
      throw noModel();
    }
    return serving;
  }

  private static HttpProblem noModel() {
    return new HttpProblem(
        HttpProblem.UNAVAILABLE,
        "There is no model yet: wait for the end of the first training, which /status shows.",
        5);
  }

  private static void addPrediction(
      JsonObject.Builder answer, Serving serving, float[] logits, int picture, int top) {
    ModelInfo info = serving.info();
    int count = serving.predictor().classes();
    if (!HeldOut.isFinite(logits, picture, count)) {
      throw new HttpProblem(
          HttpProblem.FAILED,
          "Version %d has no finite answer for this picture: let another version serve."
              .formatted(serving.version()));
    }
    if (info.task() != Task.CLASSIFICATION) {
      addOutputs(answer, info, logits, picture * count);
      return;
    }
    double[] shares = new double[count];
    int[] largest = new int[Math.min(top, count)];
    Classes.probabilities(logits, picture, count, shares);
    Classes.top(logits, picture, count, largest);
    List<JsonValue> classes = new ArrayList<>();
    for (int index : largest) {
      classes.add(
          JsonObject.builder()
              .put("label", info.classes().get(index))
              .put("probability", shares[index])
              .build());
    }
    answer.put("label", info.classes().get(largest[0])).put("classes", JsonValue.array(classes));
  }

  /** Each label's probability, or the numbers. */
  private static void addOutputs(
      JsonObject.Builder answer, ModelInfo info, float[] outputs, int first) {
    JsonObject.Builder values = JsonObject.builder();
    for (int i = 0; i < info.classes().size(); i++) {
      double output = outputs[first + i];
      values.put(
          info.classes().get(i),
          info.task() == Task.REGRESSION ? output : 1 / (1 + Math.exp(-output)));
    }
    answer.put(info.task().names(), values.build());
  }
}
