package dev.nibble.samples;

import dev.nibble.engine.gradients.GradientError;
import dev.nibble.engine.gradients.GradientKind;
import dev.nibble.engine.gradients.GradientReport;
import dev.nibble.engine.gradients.LayerGradients;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A gradient report for people and for programs. */
final class GradientTable {
  private static final List<GradientKind> SHOWN =
      List.of(GradientKind.WEIGHT, GradientKind.GAMMA, GradientKind.BETA, GradientKind.INPUT);

  private GradientTable() {}

  /** Prints a line a layer. */
  static void print(GradientReport report, String data, PrintWriter out) {
    boolean naive = report.hasNaive();
    int width = 5;
    for (LayerGradients layer : report.layers()) {
      width = Math.max(width, layer.name().length());
    }
    out.printf(
        Locale.ROOT,
        "%s on %s, %s against the exact pass: %d batch%s of %d, loss %.4f%n%n",
        report.network(),
        data,
        activations(report),
        report.batches(),
        report.batches() == 1 ? "" : "es",
        report.batch(),
        report.loss());
    StringBuilder kinds = new StringBuilder(" ".repeat(width + 8));
    StringBuilder heads = new StringBuilder(" ".repeat(width + 8));
    for (GradientKind kind : SHOWN) {
      kinds.append(String.format(Locale.ROOT, "  %-" + (naive ? 22 : 14) + "s", name(kind)));
      heads.append("   error cosine").append(naive ? "   naive" : "");
    }
    out.println(kinds.toString().stripTrailing());
    out.println(heads);
    String row = "%-" + width + "s %7s";
    out.println(String.format(Locale.ROOT, row, "layer", "batches"));
    for (LayerGradients layer : report.layers()) {
      printLine(layer, row, naive, out);
    }
    printLine(report.total(), row, naive, out);
  }

  private static void printLine(LayerGradients layer, String row, boolean naive, PrintWriter out) {
    StringBuilder line = new StringBuilder();
    line.append(String.format(Locale.ROOT, row, layer.name(), number("%.2f", layer.noise())));
    for (GradientKind kind : SHOWN) {
      GradientError error = layer.errors().get(kind);
      line.append(
          String.format(
              Locale.ROOT,
              " %7s %6s",
              error == null ? "" : number("%.4f", error.relative()),
              error == null ? "" : number("%.3f", error.cosine())));
      if (naive) {
        GradientError other = layer.naive().get(kind);
        line.append(
            String.format(
                Locale.ROOT, " %7s", other == null ? "" : number("%.4f", other.relative())));
      }
    }
    out.println(line.toString().stripTrailing());
  }

  private static String number(String format, double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : "-";
  }

  /** How the activations were stored, for people. */
  static String activations(GradientReport report) {
    return report.formats().isEmpty() ? report.store().text() : "mixed";
  }

  /** What a kind is called. */
  static String name(GradientKind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /** All figures. */
  static JsonObject json(GradientReport report, String data) {
    List<JsonValue> layers = new ArrayList<>();
    report.layers().forEach(layer -> layers.add(json(layer)));
    return JsonObject.builder()
        .put("model", report.network())
        .put("data", data)
        .put("activations", activations(report))
        .put("codes", report.store().isUniform() ? "uniform" : "fitted")
        .put("batch", report.batch())
        .put("batches", report.batches())
        .put("loss", report.loss())
        .put("total", json(report.total()))
        .put("layers", new JsonArray(layers))
        .put("formats", JsonValue.object(formats(report)))
        .build();
  }

  private static Map<String, String> formats(GradientReport report) {
    Map<String, String> formats = new LinkedHashMap<>();
    report.formats().forEach((layer, format) -> formats.put(layer, format.text()));
    return formats;
  }

  private static JsonObject json(LayerGradients layer) {
    JsonObject.Builder object =
        JsonObject.builder().put("layer", layer.name()).put("depth", layer.depth());
    if (Double.isFinite(layer.noise())) {
      object.put("between_batches", layer.noise());
    }
    object.put("gradients", json(layer.errors()));
    if (!layer.naive().isEmpty()) {
      object.put("naive", json(layer.naive()));
    }
    return object.build();
  }

  private static JsonObject json(Map<GradientKind, GradientError> errors) {
    JsonObject.Builder object = JsonObject.builder();
    for (GradientKind kind : GradientKind.values()) {
      GradientError error = errors.get(kind);
      if (error != null) {
        object.put(name(kind), json(error));
      }
    }
    return object.build();
  }

  private static JsonObject json(GradientError error) {
    JsonObject.Builder object = JsonObject.builder();
    put(object, "error", error.relative());
    put(object, "cosine", error.cosine());
    put(object, "norm", error.norm());
    return object.build();
  }

  /** JSON has no infinity, which a naive pass that diverges may come to. */
  private static void put(JsonObject.Builder object, String name, double value) {
    if (Double.isFinite(value)) {
      object.put(name, value);
    }
  }
}
