package dev.nibble.engine.exchange;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonLimits;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON header of a safetensors file, checked.
 *
 * @param metadata the strings of {@code __metadata__}, in their order
 * @param entries the tensors by name, in the order of their data, which covers the file without
 *     overlap and without holes
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, Entry> entries) {
  static final String METADATA = "__metadata__";

  /** A header nests three deep; a million values are some 100,000 tensors. */
  private static final int MAX_DEPTH = 8;

  private static final int MAX_VALUES = 1_000_000;

  /** A tensor and where its bytes begin, counted from the end of the header. */
  record Entry(TensorInfo info, long begin) {
    long end() {
      return begin + info.bytes();
    }
  }

  /**
   * Parses and checks a header.
   *
   * @param utf8 its bytes, padding included
   * @param dataBytes how many bytes follow it
   * @throws JsonException if it is not such JSON as a header must be
   * @throws IllegalArgumentException if it says what cannot be
   */
  static SafetensorsHeader parse(byte[] utf8, long dataBytes) {
    JsonObject root =
        JsonParser.parseUtf8(utf8, new JsonLimits(MAX_DEPTH, utf8.length, MAX_VALUES)).asObject();
    Map<String, String> metadata = Map.of();
    List<Entry> entries = new ArrayList<>();
    for (Map.Entry<String, JsonValue> member : root.members().entrySet()) {
      if (member.getKey().equals(METADATA)) {
        metadata = member.getValue().asObject().asStrings();
      } else {
        entries.add(entry(member.getKey(), member.getValue(), dataBytes));
      }
    }
    return new SafetensorsHeader(metadata, inOrder(entries, dataBytes));
  }

  private static Entry entry(String name, JsonValue value, long dataBytes) {
    try {
      JsonObject object = value.asObject();
      String dtypeName = object.get("dtype").asString();
      DType dtype = DType.find(dtypeName);
      if (dtype == null) {
        throw new IllegalArgumentException("its dtype '" + dtypeName + "' is not known");
      }
      List<Long> shape = longs(object.get("shape"));
      TensorInfo info = new TensorInfo(name, dtype, shape);
      List<Long> offsets = longs(object.get("data_offsets"));
      if (offsets.size() != 2) {
        throw new IllegalArgumentException(
            "its data_offsets are " + offsets.size() + " numbers, not 2");
      }
      long begin = offsets.get(0);
      long end = offsets.get(1);
      if (begin < 0 || end < begin || end > dataBytes) {
        throw new IllegalArgumentException(
            "its data_offsets [%d, %d] do not lie within the %d bytes of data"
                .formatted(begin, end, dataBytes));
      }
      if (end - begin != info.bytes()) {
        throw new IllegalArgumentException(
            "its data_offsets span %d bytes, but shape %s of %s needs %d"
                .formatted(end - begin, shape, dtype, info.bytes()));
      }
      if (object.members().size() != 3) {
        throw new IllegalArgumentException("it has members beside dtype, shape and data_offsets");
      }
      return new Entry(info, begin);
    } catch (JsonException | IllegalArgumentException e) {
      throw new IllegalArgumentException(tensor(name) + ": " + e.getMessage(), e);
    }
  }

  private static List<Long> longs(JsonValue value) {
    return value.asList().stream().map(JsonValue::asLong).toList();
  }

  private static Map<String, Entry> inOrder(List<Entry> entries, long dataBytes) {
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    Map<String, Entry> ordered = new LinkedHashMap<>();
    long at = 0;
    for (Entry entry : entries) {
      String name = entry.info().name();
      if (entry.begin() < at) {
        throw new IllegalArgumentException(
            "%s begins at byte %d, inside another that ends at %d"
                .formatted(tensor(name), entry.begin(), at));
      }
      if (entry.begin() > at) {
        throw new IllegalArgumentException(
            "bytes %d to %d before %s belong to no tensor"
                .formatted(at, entry.begin(), tensor(name)));
      }
      at = entry.end();
      ordered.put(name, entry);
    }
    if (at != dataBytes) {
      throw new IllegalArgumentException(
          "the tensors end at byte %d, but there are %d bytes of data".formatted(at, dataBytes));
    }
    return ordered;
  }

  /** Names a tensor in a message, however long a hostile name may be. */
  static String tensor(String name) {
    return "tensor '" + (name.length() <= 100 ? name : name.substring(0, 100) + "...") + "'";
  }
}
