package dev.nibble.engine.checkpoint;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonLimits;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The JSON header of a checkpoint.
 *
 * @param meta what is no tensor
 * @param sections the bytes of each section, in the order of the file
 */
record CheckpointHeader(CheckpointMeta meta, Map<String, Long> sections) {
  /** No file is larger; a sum of a few such numbers still leaves room for the rest. */
  private static final long MAX_SECTION_BYTES = 1L << 48;

  CheckpointHeader {
    sections = Collections.unmodifiableMap(new LinkedHashMap<>(sections));
  }

  /**
   * Returns the bytes of all sections together.
   *
   * @throws IllegalArgumentException if one has a negative number
   * @throws ArithmeticException if the sum does not fit a long
   */
  long dataBytes() {
    long sum = 0;
    for (Map.Entry<String, Long> section : sections.entrySet()) {
      if (section.getValue() < 0 || section.getValue() > MAX_SECTION_BYTES) {
        throw new IllegalArgumentException(
            "section '" + section.getKey() + "' cannot have " + section.getValue() + " bytes");
      }
      sum = Math.addExact(sum, section.getValue());
    }
    return sum;
  }

  byte[] toUtf8() {
    JsonObject.Builder root =
        JsonObject.builder()
            .put("model", JsonValue.object(meta.model()))
            .put("step", meta.step())
            .put("epoch", meta.epoch())
            .put("seed", meta.seed())
            .put("data_order", JsonValue.object(meta.dataOrder()));
    if (!Float.isNaN(meta.lastLoss())) {
      root.put("last_loss", meta.lastLoss());
    }
    JsonObject.Builder lengths = JsonObject.builder();
    sections.forEach(lengths::put);
    root.put("sections", lengths.build());
    return JsonWriter.compact(root.build()).getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Parses a header.
   *
   * @throws JsonException if a member is missing or of another kind
   * @throws IllegalArgumentException if a number is out of range
   */
  static CheckpointHeader parse(byte[] utf8) {
    JsonObject root = JsonParser.parseUtf8(utf8, JsonLimits.DEFAULT).asObject();
    JsonValue loss = root.find("last_loss");
    Map<String, Long> sections = new LinkedHashMap<>();
    root.get("sections")
        .asObject()
        .members()
        .forEach((name, bytes) -> sections.put(name, bytes.asLong()));
    return new CheckpointHeader(
        new CheckpointMeta(
            root.get("model").asObject().asStrings(),
            root.get("step").asLong(),
            Math.toIntExact(root.get("epoch").asLong()),
            root.get("seed").asLong(),
            root.get("data_order").asObject().asStrings(),
            loss == null ? Float.NaN : (float) loss.asDouble()),
        sections);
  }
}
