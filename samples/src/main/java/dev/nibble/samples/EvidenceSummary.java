package dev.nibble.samples;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonNumber;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the seeds of a way have in common: mean and spread, and what is lost against fp32. */
final class EvidenceSummary {
  private EvidenceSummary() {}

  /**
   * A row for each network and way.
   *
   * @param ways the order of the rows, whichever of them are done
   */
  static JsonArray of(List<JsonObject> results, List<String> ways) {
    Map<String, List<JsonObject>> groups = new LinkedHashMap<>();
    for (JsonObject result : results) {
      groups
          .computeIfAbsent(key(result, result.get("way").asString()), k -> new ArrayList<>())
          .add(result);
    }
    List<JsonValue> rows = new ArrayList<>();
    groups.values().stream()
        .sorted(Comparator.comparingInt(g -> ways.indexOf(g.getFirst().get("way").asString())))
        .forEach(group -> rows.add(row(group, groups.get(key(group.getFirst(), "fp32")))));
    return new JsonArray(rows);
  }

  private static String key(JsonObject result, String way) {
    return result.get("model").asString() + "\n" + result.get("data").asString() + "\n" + way;
  }

  private static JsonObject row(List<JsonObject> group, @Nullable List<JsonObject> exact) {
    JsonObject first = group.getFirst();
    double[] accuracies = values(group, "test_accuracy");
    JsonObject.Builder row =
        JsonObject.builder()
            .put("model", first.get("model").asString())
            .put("data", first.get("data").asString())
            .put("way", first.get("way").asString())
            .put("seeds", group.size())
            .put("diverged", group.stream().filter(r -> r.find("diverged") != null).count())
            .put("planned_bytes", first.get("planned_bytes").asLong())
            .put("stored_bytes", first.get("stored_bytes").asLong());
    List<JsonValue> each = new ArrayList<>();
    for (double accuracy : accuracies) {
      each.add(new JsonNumber(Double.toString(accuracy)));
    }
    row.put("accuracies", new JsonArray(each));
    if (accuracies.length > 0) {
      row.put("accuracy", mean(accuracies));
    }
    if (accuracies.length > 1) {
      row.put("deviation", deviation(accuracies));
    }
    double[] lost = exact == null ? new double[0] : lost(group, exact);
    if (lost.length > 0) {
      row.put("lost_points", mean(lost));
    }
    double[] steps = values(group, "step_ms");
    if (steps.length > 0) {
      row.put("step_ms", mean(steps));
    }
    return row.build();
  }

  /** Differences, in points, to the exact run of the same seed; seeds that both have. */
  private static double[] lost(List<JsonObject> group, List<JsonObject> exact) {
    List<Double> lost = new ArrayList<>();
    for (JsonObject result : group) {
      for (JsonObject other : exact) {
        if (result.get("seed").asLong() == other.get("seed").asLong()
            && result.find("test_accuracy") instanceof JsonNumber mine
            && other.find("test_accuracy") instanceof JsonNumber theirs) {
          lost.add(100 * (theirs.asDouble() - mine.asDouble()));
        }
      }
    }
    return lost.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** What the runs that did not diverge have under a name. */
  private static double[] values(List<JsonObject> group, String name) {
    return group.stream()
        .filter(result -> result.find("diverged") == null)
        .map(result -> result.find(name))
        .filter(JsonNumber.class::isInstance)
        .mapToDouble(JsonValue::asDouble)
        .toArray();
  }

  static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  /** Standard deviation of a sample. */
  static double deviation(double[] values) {
    double mean = mean(values);
    double square = 0;
    for (double value : values) {
      square += (value - mean) * (value - mean);
    }
    return Math.sqrt(square / (values.length - 1));
  }
}
