package dev.nibble.samples;

import dev.nibble.engine.infer.Metrics;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/**
 * What an evaluation of labels or numbers came to, for people and for programs.
 *
 * @param model the model's name
 * @param data the data set's name
 * @param loss mean loss
 * @param skipped pictures that were left out
 * @param metrics the rest
 */
record TaskReport(String model, String data, double loss, int skipped, Metrics metrics) {
  void print(PrintWriter out) {
    out.printf(
        Locale.ROOT,
        "%s on %,d pictures of %s: %s, loss %.4f%n",
        model,
        metrics.pictures(),
        data,
        text(metrics.figures()),
        loss);
    if (skipped > 0) {
      out.printf("Left out %d unreadable pictures%n", skipped);
    }
    metrics.byName().forEach((name, figures) -> out.printf("  %-20s %s%n", name, text(figures)));
  }

  static String text(Map<String, Double> figures) {
    StringJoiner text = new StringJoiner(", ");
    figures.forEach(
        (name, value) ->
            text.add(
                TaskWords.figure(name)
                    + (Double.isNaN(value) ? " -" : String.format(Locale.ROOT, " %.4f", value))));
    return text.toString();
  }

  JsonObject json() {
    JsonObject.Builder object =
        JsonObject.builder()
            .put("model", model)
            .put("data", data)
            .put("task", metrics.task().text())
            .put("pictures", metrics.pictures())
            .put("loss", loss);
    put(object, metrics.figures());
    return object.put(metrics.task().names(), byName(metrics)).build();
  }

  /** Each output's figures. */
  static JsonObject byName(Metrics metrics) {
    JsonObject.Builder names = JsonObject.builder();
    metrics
        .byName()
        .forEach(
            (name, figures) -> {
              JsonObject.Builder object = JsonObject.builder();
              put(object, figures);
              names.put(name, object.build());
            });
    return names.build();
  }

  /** A figure of no pictures is left out: JSON knows no NaN. */
  private static void put(JsonObject.Builder object, Map<String, Double> figures) {
    figures.forEach(
        (name, value) -> {
          if (Double.isFinite(value)) {
            object.put(name, value);
          }
        });
  }
}
