package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import io.javalin.http.Context;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The routes that start and stop a training, and show where it stands. */
final class TrainingRoutes {
  private static final int MOST_EPOCHS = 1000;

  private final ModelRegistry registry;
  private final Retraining retraining;
  private final TrainingBoard board;
  private final JsonBody bodies;

  TrainingRoutes(
      ModelRegistry registry,
      Retraining retraining,
      TrainingBoard board,
      ServiceOptions.Http options) {
    this.registry = registry;
    this.retraining = retraining;
    this.board = board;
    this.bodies =
        new JsonBody(
            "epochs",
            String.format(
                Locale.ROOT, "send none, or {\"epochs\":2} with 1 to %d epochs", MOST_EPOCHS),
            options);
  }

  void addTo(Api.Routes routes) {
    routes.post("/retrain", this::start);
    routes.delete("/retrain", request -> cancel());
    routes.get("/status", request -> Answer.ok(board.toJson()));
    routes.get("/history", request -> Answer.ok(board.history().toJson()));
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
    JsonValue given = bodies.read(request);
    if (given == null) {
      return null;
    }
    try {
      long count = given.asLong();
      if (count >= 1 && count <= MOST_EPOCHS) {
        return (int) count;
      }
    } catch (JsonException e) {
      throw bodies.wrong(" (" + e.getMessage() + ")");
    }
    throw bodies.wrong("");
  }

  private Answer health() {
    if (registry.version() == null) {
      throw new HttpProblem(
          HttpProblem.UNAVAILABLE, "There is no model yet: /status shows the first training.", 5);
    }
    return Answer.ok(JsonObject.builder().put("status", "ready").build());
  }
}
