package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a model that was accepted.
 *
 * @param number from 1, never used twice
 * @param parent the version it was trained from, or null
 * @param accuracy share of the held-out pictures that it classified correctly, or NaN if it was
 *     never measured
 * @param created when it was accepted
 * @param examples examples in the store then
 * @param crc CRC-32C of its file
 * @param scores what that accuracy is made of, or null if it was never measured by class
 */
record Version(
    long number,
    @Nullable Long parent,
    double accuracy,
    Instant created,
    long examples,
    long crc,
    @Nullable Scores scores) {

  /** The same, measured. */
  Version with(Scores measured) {
    return new Version(number, parent, measured.accuracy(), created, examples, crc, measured);
  }

  /** As it stands on the disk. */
  JsonObject toJson() {
    return members(JsonObject.builder()).put("crc32c", crc).put("per_class", perClass()).build();
  }

  private JsonValue perClass() {
    return scores == null ? Json.NULL : scores.toJson();
  }

  /** As a client sees it who asks for this one alone: its figures for each class, too. */
  JsonObject toWholeJson(boolean current) {
    JsonObject.Builder builder = JsonObject.builder();
    toJson(current).members().forEach(builder::put);
    return builder.put("per_class", perClass()).build();
  }

  /** As a client sees it. */
  JsonObject toJson(boolean current) {
    JsonObject.Builder builder = JsonObject.builder();
    builder.put("version", number).put("current", current);
    return rest(builder).build();
  }

  private JsonObject.Builder members(JsonObject.Builder builder) {
    return rest(builder.put("version", number));
  }

  private JsonObject.Builder rest(JsonObject.Builder builder) {
    return builder
        .put("accuracy", Json.orNull(accuracy))
        .put("created", created.toString())
        .put("held_out", scores == null ? Json.NULL : JsonValue.of((long) scores.pictures()))
        .put(
            "not_measured",
            JsonValue.array(
                (scores == null ? List.<String>of() : scores.unmeasured())
                    .stream().map(JsonValue::of).toList()))
        .put("examples", examples)
        .put("parent", parent == null ? Json.NULL : JsonValue.of(parent.longValue()));
  }

  /**
   * Reads what {@link #toJson()} wrote.
   *
   * @throws dev.nibble.engine.json.JsonException if a member is missing or of another kind
   * @throws DateTimeParseException if the time is none
   */
  static Version fromJson(JsonObject json) {
    JsonValue parent = json.get("parent");
    JsonValue accuracy = json.get("accuracy");
    JsonValue scores = json.find("per_class"); // versions from before there were such have none
    return new Version(
        json.get("version").asLong(),
        parent instanceof JsonValue.JsonNull ? null : parent.asLong(),
        accuracy instanceof JsonValue.JsonNull ? Double.NaN : accuracy.asDouble(),
        Instant.parse(json.get("created").asString()),
        json.get("examples").asLong(),
        json.get("crc32c").asLong(),
        scores == null || scores instanceof JsonValue.JsonNull ? null : Scores.fromJson(scores));
  }
}
