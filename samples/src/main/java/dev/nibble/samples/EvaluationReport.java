package dev.nibble.samples;

import dev.nibble.engine.infer.ConfusionMatrix;
import dev.nibble.engine.infer.ConfusionMatrix.Confusion;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What an evaluation came to, for people and for programs.
 *
 * @param model the model's name
 * @param data the data set's name
 * @param loss mean loss
 * @param skipped pictures that were left out
 * @param matrix the rest
 */
record EvaluationReport(
    String model, String data, double loss, int skipped, ConfusionMatrix matrix) {
  private static final int WORST = 5;

  void print(PrintWriter out) {
    int classes = matrix.classes().size();
    out.printf(
        Locale.ROOT,
        "%s on %,d pictures of %s: accuracy %.2f %%%s, loss %.4f, mean F1 %.4f%n",
        model,
        matrix.total(),
        data,
        100 * matrix.accuracy(),
        classes > 5 ? String.format(Locale.ROOT, ", top-5 %.2f %%", 100 * matrix.topFive()) : "",
        loss,
        matrix.meanF1());
    if (skipped > 0) {
      out.printf("Left out %d unreadable picture%s%n", skipped, skipped == 1 ? "" : "s");
    }
    for (int i = 0; i < classes; i++) {
      if (matrix.labelled(i) > 0) {
        out.printf(
            Locale.ROOT,
            "  %-20s %6.2f %%  (%d of %d)  precision %s  F1 %.4f%n",
            matrix.classes().get(i),
            100 * matrix.recall(i),
            matrix.count(i, i),
            matrix.labelled(i),
            share(matrix.precision(i)),
            matrix.f1(i));
      }
    }
    List<Confusion> worst = matrix.worst(WORST);
    if (!worst.isEmpty()) {
      out.println("Most often confused:");
    }
    for (Confusion pair : worst) {
      out.printf("  %s taken for %s: %d%n", pair.label(), pair.predicted(), pair.pictures());
    }
  }

  private static String share(double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.2f %%", 100 * value);
  }

  JsonObject json() {
    JsonObject.Builder classes = JsonObject.builder();
    List<JsonValue> rows = new ArrayList<>();
    for (int i = 0; i < matrix.classes().size(); i++) {
      JsonObject.Builder figures =
          JsonObject.builder()
              .put("pictures", matrix.labelled(i))
              .put("correct", matrix.count(i, i));
      put(figures, "precision", matrix.precision(i));
      put(figures, "recall", matrix.recall(i));
      put(figures, "f1", matrix.f1(i));
      classes.put(matrix.classes().get(i), figures.build());
      List<JsonValue> row = new ArrayList<>();
      for (int j = 0; j < matrix.classes().size(); j++) {
        row.add(new JsonValue.JsonNumber(Long.toString(matrix.count(i, j))));
      }
      rows.add(new JsonArray(row));
    }
    return JsonObject.builder()
        .put("model", model)
        .put("data", data)
        .put("pictures", matrix.total())
        .put("loss", loss)
        .put("accuracy", matrix.accuracy())
        .put("top5_accuracy", matrix.topFive())
        .put("mean_f1", matrix.meanF1())
        .put("classes", classes.build())
        .put("confusion", new JsonArray(rows))
        .build();
  }

  /** A share of no pictures is left out: JSON knows no NaN. */
  private static void put(JsonObject.Builder object, String name, double value) {
    if (!Double.isNaN(value)) {
      object.put(name, value);
    }
  }
}
