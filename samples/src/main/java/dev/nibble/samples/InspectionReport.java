package dev.nibble.samples;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingPlan;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** An inspected model file as text and as JSON. */
final class InspectionReport {
  private static final int LONGEST_NAME = 56;

  private final Inspection inspection;
  private final int batch;
  private final Map<StoreFormat, Long> memory = new LinkedHashMap<>();

  InspectionReport(Inspection inspection, int batch, Kernels kernels) {
    this.inspection = inspection;
    this.batch = batch;
    Network network = inspection.network();
    if (network != null) {
      for (StoreFormat format : StoreFormat.values()) {
        if (format.isWritten() && !format.isUniform()) {
          TrainingOptions options =
              TrainingOptions.builder()
                  .batch(batch)
                  .store(format)
                  .threads(Inputs.threads(null))
                  .build();
          TrainingPlan plan =
              BadInputException.check(() -> TrainingPlan.of(network, options, kernels));
          memory.put(format, plan.totalBytes());
        }
      }
    }
  }

  private static String name(StoreFormat format) {
    return format.name().toLowerCase(Locale.ROOT);
  }

  JsonObject json() {
    JsonObject.Builder json = JsonObject.builder();
    json.put("file", inspection.file().toString());
    json.put("format", inspection.format());
    json.put("metadata", JsonValue.object(inspection.metadata()));
    json.put("parameters", inspection.parameters());
    json.put("multiply_adds", inspection.multiplyAdds());
    json.put("supported", inspection.network() != null);
    json.put("unsupported", strings(inspection.unsupported()));
    json.put("notes", strings(inspection.notes()));
    json.put("batch", batch);
    JsonObject.Builder bytes = JsonObject.builder();
    memory.forEach((format, total) -> bytes.put(name(format), total));
    json.put("memory_bytes", bytes.build());
    List<JsonValue> rows = new ArrayList<>();
    for (Inspection.Row row : inspection.rows()) {
      rows.add(
          JsonObject.builder()
              .put("name", row.name())
              .put("operator", row.operator())
              .put("detail", row.detail())
              .put("shape", row.shape())
              .put("parameters", row.parameters())
              .put("multiply_adds", row.multiplyAdds())
              .build());
    }
    json.put("layers", JsonValue.array(rows));
    return json.build();
  }

  private static JsonValue strings(List<String> texts) {
    List<JsonValue> values = new ArrayList<>();
    texts.forEach(text -> values.add(new JsonValue.JsonString(text)));
    return JsonValue.array(values);
  }

  void print(PrintWriter out) {
    out.printf("%s: %s%n%n", inspection.file(), inspection.format());
    String line = "%-" + width() + "s %-18s %-24s %-18s %,14d %,16d%n";
    out.printf(
        line.replace(",14d", "14s").replace(",16d", "16s"),
        "layer",
        "operator",
        "",
        "shape",
        "parameters",
        "multiply-adds");
    for (Inspection.Row row : inspection.rows()) {
      out.printf(
          Locale.ROOT,
          line,
          plain(row.name()),
          plain(row.operator()),
          row.detail(),
          row.shape(),
          row.parameters(),
          row.multiplyAdds());
    }
    out.printf(
        Locale.ROOT, line, "TOTAL", "", "", "", inspection.parameters(), inspection.multiplyAdds());
    out.printf("%n%s%n", inspection.operators());
    inspection.notes().forEach(note -> out.printf("%nNote: %s%n", note));
    if (!inspection.unsupported().isEmpty()) {
      out.printf("%nNot supported, so that it cannot be trained:%n");
      inspection.unsupported().forEach(why -> out.printf("  %s%n", why));
    }
    if (!memory.isEmpty()) {
      out.printf("%nMemory to train with batches of %d:%n", batch);
      memory.forEach(
          (format, bytes) -> out.printf("  %-6s %s%n", name(format), ByteSize.format(bytes)));
    }
  }

  private int width() {
    int longest = 5;
    for (Inspection.Row row : inspection.rows()) {
      longest = Math.max(longest, Math.min(LONGEST_NAME, row.name().length()));
    }
    return longest;
  }

  /** A name of the file on one line, so that none can move the terminal's cursor. */
  private static String plain(String name) {
    String line = name.replaceAll("\\p{Cntrl}", "?");
    return line.length() <= LONGEST_NAME
        ? line
        : "..." + line.substring(line.length() - LONGEST_NAME + 3);
  }
}
