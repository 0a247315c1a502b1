package dev.nibble.samples;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a file of figures holds already, of this machine or another: a grid of many hours is worked
 * through by several, and what one has written the next one keeps.
 *
 * @param runs results by the command that makes the same training
 * @param reports gradient reports by their name
 */
record EvidenceRecord(Map<String, JsonObject> runs, Map<String, JsonObject> reports) {
  EvidenceRecord {
    runs = Map.copyOf(runs);
    reports = Map.copyOf(reports);
  }

  /**
   * Reads a file, if there is one.
   *
   * @throws BadInputException if it cannot be read, or holds something else
   */
  static EvidenceRecord read(Path file) {
    Map<String, JsonObject> runs = new LinkedHashMap<>();
    Map<String, JsonObject> reports = new LinkedHashMap<>();
    try {
      if (Files.exists(file)) {
        JsonObject figures = JsonParser.parse(Files.readString(file)).asObject();
        for (JsonValue run : figures.get("runs").asList()) {
          runs.put(run.asObject().get("command").asString(), run.asObject());
        }
        for (JsonValue report : figures.get("gradients").asList()) {
          reports.put(report.asObject().get("id").asString(), report.asObject());
        }
      }
    } catch (IOException e) {
      throw BadInputException.file("read", file, e);
    } catch (JsonException e) {
      throw new BadInputException(
          "%s holds no figures of nibble evidence (%s): move it away, or give another --out."
              .formatted(file, e.getMessage()),
          e);
    }
    return new EvidenceRecord(runs, reports);
  }

  /** The result of a training, or null. */
  @Nullable JsonObject run(EvidenceCell cell) {
    return runs.get(cell.command());
  }

  /** The gradient report, or null; one on weights that another command trained is none. */
  @Nullable JsonObject report(EvidenceGrid.Report report) {
    return run(report.cell()) == null ? null : reports.get(report.id());
  }
}
