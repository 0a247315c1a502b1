package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonLimits;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import io.javalin.http.Context;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads bodies that are a small JSON object of at most one known member. */
final class JsonBody {
  private static final int MOST = 4096;
  private static final JsonLimits LIMITS = new JsonLimits(4, MOST, 16);

  private final String member;
  private final String right;
  private final BodyReader bodies;

  /**
   * Reads bodies with that member.
   *
   * @param right what to say would be right, such as {@code send {"epochs":2}}
   */
  JsonBody(String member, String right, ServiceOptions.Http options) {
    this.member = member;
    this.right = right;
    this.bodies =
        new BodyReader(
            MOST,
            "The body has more than " + MOST + " bytes: " + right + ".",
            options.patience(),
            System::nanoTime);
  }

  /**
   * The member's value, or null where there is no body or it lacks the member.
   *
   * @throws HttpProblem if the body is anything else
   */
  @Nullable JsonValue read(Context request) {
    byte[] body = bodies.read(request);
    if (new String(body, StandardCharsets.UTF_8).isBlank()) {
      return null;
    }
    try {
      JsonObject json = JsonParser.parseUtf8(body, LIMITS).asObject();
      if (!Set.of(member).containsAll(json.members().keySet())) {
        throw wrong("");
      }
      return json.find(member);
    } catch (JsonException e) {
      throw wrong(" (" + e.getMessage() + ")");
    }
  }

  /** The answer to a body that is not as it should be. */
  HttpProblem wrong(String why) {
    return new HttpProblem(
        HttpProblem.BAD_REQUEST, "The body is not as it should be" + why + ": " + right + ".");
  }
}
