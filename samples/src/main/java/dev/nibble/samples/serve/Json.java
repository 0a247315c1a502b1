package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.nio.charset.StandardCharsets;

/** The few turns of JSON that all answers share. */
final class Json {
  static final JsonValue NULL = new JsonValue.JsonNull();

  private Json() {}

  /** A number, or null where it is none that JSON could say. */
  static JsonValue orNull(double value) {
    return Double.isFinite(value) ? JsonValue.of(value) : NULL;
  }

  /** A count, or null where it is negative, which stands for unknown. */
  static JsonValue orNull(long value) {
    return value < 0 ? NULL : JsonValue.of(value);
  }

  /** The body of an error. */
  static JsonObject error(String sentence) {
    return JsonObject.builder().put("error", sentence).build();
  }

  static byte[] bytes(JsonValue value) {
    return JsonWriter.compact(value).getBytes(StandardCharsets.UTF_8);
  }
}
