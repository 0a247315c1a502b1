package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonLimits;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import io.javalin.http.Context;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The routes that start and stop a training, show where it stands, and go back to older models. */
final class TrainingRoutes {
  private static final int MOST_BODY = 4096;
  private static final int MOST_EPOCHS = 1000;
  private static final JsonLimits LIMITS = new JsonLimits(4, MOST_BODY, 16);

  private final ModelRegistry registry;
  private final Retraining retraining;
  private final TrainingBoard board;
  private final BodyReader bodies;

  TrainingRoutes(
      ModelRegistry registry,
      Retraining retraining,
      TrainingBoard board,
      ServiceOptions.Http options) {
    this.registry = registry;
    this.retraining = retraining;
    this.board = board;
    this.bodies =
        new BodyReader(
            MOST_BODY,
            "The body has more than " + MOST_BODY + " bytes: send none, or {\"epochs\":2}.",
            options.patience(),
            System::nanoTime);
  }

  void addTo(Api.Routes routes) {
    routes.post("/retrain", this::start);
    routes.delete("/retrain", request -> cancel());
    routes.get("/status", request -> Answer.ok(board.toJson()));
    routes.get("/history", request -> Answer.ok(board.history().toJson()));
    routes.get("/model", request -> Answer.ok(registry.toJson()));
    routes.post("/model/rollback", request -> Answer.ok(registry.rollback()));
    routes.get("/health", request -> health());
  }

  private Answer start(Context request) {
    retraining.start(epochs(request));
    return Answer.json(Answer.ACCEPTED, board.toJson());
  }

  private Answer cancel() {
    retraining.cancel();
    return Answer.json(Answer.ACCEPTED, board.toJson());
  }

  private @Nullable Integer epochs(Context request) {
    String text = new String(bodies.read(request), StandardCharsets.UTF_8);
    if (text.isBlank()) {
      return null;
    }
    try {
      JsonObject json = JsonParser.parse(text, LIMITS).asObject();
      JsonValue epochs = json.find("epochs");
      long count = epochs == null ? 1 : epochs.asLong();
      if (Set.of("epochs").containsAll(json.members().keySet())
          && count >= 1
          && count <= MOST_EPOCHS) {
        return epochs == null ? null : (int) count;
      }
    } catch (JsonException e) {
      // Said below, with what would be right.
      throw badBody(e);
    }
    throw badBody(null);
  }

  private static HttpProblem badBody(@Nullable JsonException e) {
    return new HttpProblem(
        HttpProblem.BAD_REQUEST,
        String.format(
            Locale.ROOT,
            "The body is not as it should be%s: send none, or {\"epochs\":2} with 1 to %d epochs.",
            e == null ? "" : " (" + e.getMessage() + ")",
            MOST_EPOCHS));
  }

  private Answer health() {
    if (registry.version() == null) {
      throw new HttpProblem(
          HttpProblem.UNAVAILABLE, "There is no model yet: /status shows the first training.", 5);
    }
    return Answer.ok(JsonObject.builder().put("status", "ready").build());
  }
}
