package dev.nibble.samples;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonNumber;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a run's metrics.jsonl says of its course.
 *
 * @param tests accuracy on the evaluated pictures after each epoch
 * @param testedAt the step after which the last of them was; 0 if there was none
 * @param testLoss mean loss on them at the end; NaN if there was no test
 * @param stepSeconds the median step
 */
record EvidenceMetrics(List<Double> tests, long testedAt, double testLoss, double stepSeconds) {
  EvidenceMetrics {
    tests = List.copyOf(tests);
  }

  /**
   * Reads the file.
   *
   * @throws BadInputException if it cannot be read
   */
  static EvidenceMetrics read(Path file) {
    List<Double> tests = new ArrayList<>();
    List<Double> steps = new ArrayList<>();
    long testedAt = 0;
    double loss = Double.NaN;
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonObject entry = JsonParser.parse(line).asObject();
        if (entry.find("test_accuracy") instanceof JsonNumber accuracy) {
          tests.add(accuracy.asDouble());
          testedAt = entry.get("step").asLong();
          loss = entry.find("test_loss") instanceof JsonNumber n ? n.asDouble() : Double.NaN;
        } else if (entry.find("step_seconds") instanceof JsonNumber seconds) {
          steps.add(seconds.asDouble());
        }
      }
    } catch (IOException e) {
      throw BadInputException.file("read", file, e);
    } catch (JsonException e) {
      throw new BadInputException(file + " is damaged: " + e.getMessage() + ".", e);
    }
    return new EvidenceMetrics(tests, testedAt, loss, median(steps));
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted.length == 0
        ? Double.NaN
        : Arrays.stream(sorted, (sorted.length - 1) / 2, sorted.length / 2 + 1).average().orElse(0);
  }

  /** Adds what is known. */
  void describe(JsonObject.Builder result) {
    if (!tests.isEmpty()) {
      result.put("test_accuracy", tests.getLast());
    }
    if (Double.isFinite(testLoss)) {
      result.put("test_loss", testLoss);
    }
    List<JsonValue> epochs = new ArrayList<>();
    tests.forEach(test -> epochs.add(new JsonNumber(Double.toString(test))));
    result.put("test_accuracies", new JsonArray(epochs));
    if (Double.isFinite(stepSeconds)) {
      result.put("step_ms", Math.round(stepSeconds * 1e5) / 100.0);
    }
  }
}
