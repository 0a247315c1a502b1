package dev.nibble.bench.page;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file that JMH itself wrote ({@code -rf json}): the peer inside the JVM.
 *
 * @param file its name in the folder of results
 * @param lines what was measured, in order
 */
record JmhFile(String file, List<Line> lines) {
  private static final Map<String, Double> SECONDS =
      Map.of("s/op", 1.0, "ms/op", 1e-3, "us/op", 1e-6, "ns/op", 1e-9);

  /**
   * A benchmark's line.
   *
   * @param benchmark class and method
   * @param params its parameters as JMH prints them
   * @param seconds of a call
   */
  record Line(String benchmark, String params, double seconds) {
    private static Line of(JsonObject json) {
      String name = json.get("benchmark").asString();
      int method = name.lastIndexOf('.');
      JsonObject metric = json.get("primaryMetric").asObject();
      String unit = metric.get("scoreUnit").asString();
      Double seconds = SECONDS.get(unit);
      if (seconds == null) {
        throw new ResultsException("JMH's unit '" + unit + "' is no time of a call");
      }
      return new Line(
          name.substring(name.lastIndexOf('.', method - 1) + 1),
          params(json.find("params")),
          metric.get("score").asDouble() * seconds);
    }

    private static String params(@Nullable JsonValue params) {
      StringBuilder text = new StringBuilder();
      if (params != null) {
        params
            .asObject()
            .asStrings()
            .forEach(
                (key, value) ->
                    text.append(text.isEmpty() ? "" : ", ")
                        .append(key.toLowerCase(Locale.ROOT))
                        .append(' ')
                        .append(value));
      }
      return text.toString();
    }
  }

  static JmhFile of(String file, List<JsonValue> lines) {
    return new JmhFile(file, lines.stream().map(line -> Line.of(line.asObject())).toList());
  }
}
