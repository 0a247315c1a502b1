package dev.nibble.engine.data.parquet;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the names of classes out of the features that Hugging Face's library writes as JSON. */
final class ClassNames {
  private ClassNames() {}

  /**
   * The names of a column, {@code info.features.COLUMN.names}; null where there are none that can
   * be used: the labels are then numbers.
   */
  static @Nullable List<String> of(String json, String column) {
    try {
      JsonObject features =
          JsonParser.parse(json).asObject().get("info").asObject().get("features").asObject();
      List<String> names =
          features.get(column).asObject().get("names").asList().stream()
              .map(JsonValue::asString)
              .toList();
      return names.isEmpty() || new HashSet<>(names).size() < names.size() ? null : names;
    } catch (JsonException e) {
      return null;
    }
  }
}
