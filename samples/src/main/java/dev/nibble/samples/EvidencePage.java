package dev.nibble.samples;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonNumber;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The page of evidence: tables and plots of one evidence.json, in a file that needs no other. */
final class EvidencePage {
  private static final String NAIVE = "naive ";
  private static final String LAYERS = "layer, from the pictures to the classes";

  private static final String STYLE =
      """
      body { font: 15px/1.45 system-ui, sans-serif; max-width: 1150px; margin: 2em auto; padding: 0 1em; color: #222; background: #fff; overflow-wrap: anywhere }
      div { overflow-x: auto } th, td { overflow-wrap: normal }
      table { border-collapse: collapse; margin: 1em 0 }
      th, td { padding: .25em .8em; border-bottom: 1px solid #e4e4e4; text-align: right; white-space: nowrap }
      th:first-child, td:first-child { text-align: left }
      figure { margin: 1em 0 } svg { max-width: 100%; height: auto } .note { color: #666 }
      """;

  private final JsonObject figures;
  private final StringBuilder html = new StringBuilder();

  private EvidencePage(JsonObject figures) {
    this.figures = figures;
  }

  /** Where the page of a file of figures lies. */
  static Path beside(Path file) {
    String name = String.valueOf(file.getFileName());
    return file.resolveSibling(name.replaceFirst("\\.json$", "") + ".html");
  }

  /** Writes the page whole or not at all. */
  static void write(Path file, JsonObject figures) {
    try {
      RunFolder.replace(file, new EvidencePage(figures).page());
    } catch (IOException e) {
      throw BadInputException.file("write", file, e);
    }
  }

  private String page() {
    html.append("<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">");
    html.append("<title>What few bits cost</title>\n<style>\n").append(STYLE);
    html.append("</style></head>\n<body>\n<h1>What few bits cost</h1>\n");
    introduction();
    Map<String, List<JsonObject>> groups = groups(list("summary"));
    groups.forEach(this::network);
    gradients();
    return html.append("</body>\n</html>\n").toString();
  }

  private void introduction() {
    html.append("<p>")
        .append(escaped(figures.get("command").asString()))
        .append("<br>commit ")
        .append(escaped(figures.get("commit").asString()))
        .append(", ")
        .append(escaped(figures.get("processor").asString()))
        .append(", ")
        .append(escaped(figures.get("jdk").asString()))
        .append("</p>\n");
    if (!figures.get("complete").equals(new JsonValue.JsonBoolean(true))) {
      html.append("<p><strong>Not complete: ")
          .append(figures.get("done").asLong())
          .append(" of ")
          .append(figures.get("of").asLong())
          .append(" parts done.</strong></p>\n");
    }
    if (figures.get("quick").equals(new JsonValue.JsonBoolean(true))) {
      html.append(
          "<p><strong>A quick run: it shows that the program works, no more; its steps are those of"
              + " a JVM that warms up.</strong></p>\n");
    }
    html.append(
        "<p class=\"note\">Each training computes on one thread; its memory is what its plan"
            + " allocates, its step the median one, with "
            + figures.get("trainings_at_once").asLong()
            + " on the machine at once: read times as ratios. Accuracy is that on the"
            + " test pictures after the last step.</p>\n");
  }

  private List<JsonObject> list(String name) {
    return figures.get(name).asList().stream().map(JsonValue::asObject).toList();
  }

  /** By network and data. */
  private static Map<String, List<JsonObject>> groups(List<JsonObject> rows) {
    Map<String, List<JsonObject>> groups = new LinkedHashMap<>();
    for (JsonObject row : rows) {
      String key = row.get("model").asString() + " on " + row.get("data").asString();
      groups.computeIfAbsent(key, k -> new ArrayList<>()).add(row);
    }
    return groups;
  }

  private void network(String title, List<JsonObject> rows) {
    html.append("<h2>").append(escaped(title)).append("</h2>\n<div><table>\n<tr>");
    for (String head :
        List.of(
            "activations",
            "accuracy, %",
            "± over seeds",
            "each seed",
            "points lost against fp32",
            "memory, MiB",
            "stored, MiB",
            "step, ms",
            "to int4")) {
      html.append("<th>").append(head).append("</th>");
    }
    html.append("</tr>\n");
    double int4 = Double.NaN;
    for (JsonObject row : rows) {
      if (row.get("way").asString().startsWith("int4") && Double.isNaN(int4)) {
        int4 = number(row, "step_ms");
      }
    }
    for (JsonObject row : rows) {
      row(row, int4);
    }
    html.append("</table></div>\n");
    SvgDots dots = new SvgDots("test accuracy, % (a dot a seed, the line their mean)");
    for (JsonObject row : rows) {
      dots.add(row.get("way").asString(), scaled(row.get("accuracies").asList()));
    }
    figure(dots.isEmpty() ? "" : dots.svg());
    figure(courses(title));
  }

  private void row(JsonObject row, double int4) {
    long diverged = row.get("diverged").asLong();
    StringBuilder each = new StringBuilder();
    for (double accuracy : scaled(row.get("accuracies").asList())) {
      each.append(each.isEmpty() ? "" : " ").append(text("%.2f", accuracy));
    }
    if (diverged > 0) {
      each.append(each.isEmpty() ? "" : ", ").append(diverged).append(" diverged");
    }
    cells(
        row.get("way").asString(),
        text("%.2f", 100 * number(row, "accuracy")),
        text("%.2f", 100 * number(row, "deviation")),
        each.toString(),
        text("%.2f", number(row, "lost_points")),
        text("%.1f", number(row, "planned_bytes") / (1 << 20)),
        text("%.1f", number(row, "stored_bytes") / (1 << 20)),
        text("%.1f", number(row, "step_ms")),
        text("%.2f", number(row, "step_ms") / int4));
  }

  private void cells(String... values) {
    html.append("<tr>");
    for (String value : values) {
      html.append("<td>").append(escaped(value)).append("</td>");
    }
    html.append("</tr>\n");
  }

  /** Accuracy by epoch, the mean over the seeds. */
  private String courses(String title) {
    SvgLines lines = new SvgLines("epoch", "test accuracy, %", false);
    Map<String, List<double[]>> ways = new LinkedHashMap<>();
    for (JsonObject run : list("runs")) {
      String key = run.get("model").asString() + " on " + run.get("data").asString();
      if (key.equals(title)) {
        ways.computeIfAbsent(run.get("way").asString(), k -> new ArrayList<>())
            .add(scaled(run.get("test_accuracies").asList()));
      }
    }
    ways.forEach(
        (way, courses) -> {
          int epochs = courses.stream().mapToInt(c -> c.length).min().orElse(0);
          double[] x = new double[epochs];
          double[] y = new double[epochs];
          for (int i = 0; i < epochs; i++) {
            int epoch = i;
            x[i] = i + 1;
            y[i] = courses.stream().mapToDouble(c -> c[epoch]).average().orElse(Double.NaN);
          }
          boolean naive = way.startsWith(NAIVE);
          lines.add(naive ? way.substring(NAIVE.length()) : way, way, x, y, naive);
        });
    return lines.points() > 1 ? lines.svg() : "";
  }

  private void figure(String svg) {
    if (!svg.isEmpty()) {
      html.append("<figure>").append(svg).append("</figure>\n");
    }
  }

  private void gradients() {
    Map<String, List<JsonObject>> groups = new LinkedHashMap<>();
    for (JsonObject report : list("gradients")) {
      String key =
          "Gradients of "
              + report.get("weights_of").asString()
              + text(", %.0f %% of its training done", 100 * number(report, "state"));
      groups.computeIfAbsent(key, k -> new ArrayList<>()).add(report);
    }
    groups.forEach(this::gradients);
  }

  private void gradients(String title, List<JsonObject> reports) {
    html.append("<h2>").append(escaped(title)).append("</h2>\n");
    html.append(
        "<p class=\"note\">Relative error against the exact gradients of the same batches, all"
            + " layers as one (weights: all convolutions).</p>\n"
            + "<div><table>\n"
            + "<tr>");
    for (String head :
        List.of("activations", "weights", "cosine", "gamma", "beta", "input", "between batches")) {
      html.append("<th>").append(head).append("</th>");
    }
    html.append("</tr>\n");
    SvgLines weights = new SvgLines(LAYERS, "error of the weights' gradients", true);
    SvgLines inputs = new SvgLines(LAYERS, "error of the inputs' gradients", true);
    for (JsonObject entry : reports) {
      JsonObject report = entry.get("report").asObject();
      String name = report.get("activations").asString();
      for (String kind : List.of("gradients", "naive")) {
        boolean naive = kind.equals("naive");
        totals(naive ? NAIVE + name : name, report.get("total").asObject(), kind);
        List<JsonObject> layers =
            report.get("layers").asList().stream().map(JsonValue::asObject).toList();
        curve(weights, name, layers, kind, "weight", naive);
        curve(inputs, name, layers, kind, "input", naive);
      }
    }
    html.append("</table></div>\n");
    figure(weights.points() > 0 ? weights.svg() : "");
    figure(inputs.points() > 0 ? inputs.svg() : "");
  }

  private void totals(String way, JsonObject total, String kind) {
    if (!(total.find(kind) instanceof JsonObject errors)) {
      return;
    }
    Function<String, String> error = name -> text("%.4f", figure(errors, name, "error"));
    cells(
        way,
        error.apply("weight"),
        text("%.3f", figure(errors, "weight", "cosine")),
        error.apply("gamma"),
        error.apply("beta"),
        error.apply("input"),
        text("%.2f", number(total, "between_batches")));
  }

  private static void curve(
      SvgLines lines,
      String name,
      List<JsonObject> layers,
      String kind,
      String what,
      boolean dashed) {
    List<double[]> points = new ArrayList<>();
    for (JsonObject layer : layers) {
      if (layer.find(kind) instanceof JsonObject errors) {
        double error = figure(errors, what, "error");
        if (error > 0) {
          points.add(new double[] {layer.get("depth").asLong(), error});
        }
      }
    }
    if (!points.isEmpty()) {
      lines.add(
          name,
          dashed ? NAIVE + name : name,
          points.stream().mapToDouble(p -> p[0]).toArray(),
          points.stream().mapToDouble(p -> p[1]).toArray(),
          dashed);
    }
  }

  private static double figure(JsonObject errors, String what, String name) {
    return errors.find(what) instanceof JsonObject error ? number(error, name) : Double.NaN;
  }

  private static double number(JsonObject object, String name) {
    @Nullable JsonValue value = object.find(name);
    return value instanceof JsonNumber number ? number.asDouble() : Double.NaN;
  }

  private static double[] scaled(List<JsonValue> shares) {
    return shares.stream().mapToDouble(share -> 100 * share.asDouble()).toArray();
  }

  private static String text(String format, double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : "";
  }

  /** Text as HTML and SVG take it. */
  static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
