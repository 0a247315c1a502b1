package dev.nibble.samples;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.train.TrainingListener.Epoch;
import dev.nibble.engine.train.TrainingListener.Step;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/**
 * The file {@code metrics.jsonl}: a line a step and a line an epoch, each written at once. The
 * buffers are the file's own, since a line is written in every step.
 */
final class MetricsFile implements AutoCloseable {
  private static final int LONGEST_LINE = 1024;

  private final Path path;

  /** A stream, because an interrupt of the training thread closes a channel. */
  private final FileOutputStream out;

  private final StringBuilder line = new StringBuilder(LONGEST_LINE);
  private final byte[] bytes = new byte[LONGEST_LINE];

  private MetricsFile(Path path, FileOutputStream out) {
    this.path = path;
    this.out = out;
  }

  /**
   * Opens the file to go on after a step; lines of later steps, which a resumed run takes again,
   * are dropped.
   *
   * @param testAgain whether the test after that step is made again, and its line dropped, too
   * @param history receives what is kept
   * @throws BadInputException if the file cannot be read or written
   */
  static MetricsFile open(Path path, long doneSteps, boolean testAgain, History history) {
    try {
      if (Files.exists(path)) {
        keep(path, doneSteps, testAgain, history);
      } else {
        Files.createFile(path);
      }
      return new MetricsFile(path, new FileOutputStream(path.toFile(), true));
    } catch (IOException e) {
      throw BadInputException.file("write", path, e);
    }
  }

  private static void keep(Path path, long doneSteps, boolean testAgain, History history)
      throws IOException {
    Path temporary = path.resolveSibling(path.getFileName() + ".tmp");
    try (BufferedReader in = Files.newBufferedReader(path);
        BufferedWriter out = Files.newBufferedWriter(temporary)) {
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        JsonValue.JsonObject entry = parse(text);
        if (entry != null && isKept(entry, doneSteps, testAgain)) {
          remember(entry, history);
          out.write(text);
          out.write('\n');
        }
      }
    }
    Files.move(
        temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static boolean isKept(JsonValue.JsonObject entry, long doneSteps, boolean testAgain) {
    long step = entry.get("step").asLong();
    boolean test = entry.find("test_loss") != null || entry.find("validation_loss") != null;
    return step < doneSteps || (step == doneSteps && !(test && testAgain));
  }

  /** A killed process may leave half a line: it is of a step after the last checkpoint. */
  private static JsonValue.@Nullable JsonObject parse(String text) {
    try {
      JsonValue.JsonObject entry = JsonParser.parse(text).asObject();
      entry.get("step").asLong();
      return entry;
    } catch (JsonException e) {
      return null;
    }
  }

  private static void remember(JsonValue.JsonObject entry, History history) {
    long step = entry.get("step").asLong();
    for (String split : new String[] {"test", "validation"}) {
      if (entry.find(split + "_loss") instanceof JsonValue.JsonNumber loss
          && entry.find(split + "_accuracy") instanceof JsonValue.JsonNumber accuracy) {
        history.addTest(step, loss.asDouble(), accuracy.asDouble());
        history.evaluatedOn(split);
        return;
      }
    }
    if (entry.find("loss") instanceof JsonValue.JsonNumber loss
        && entry.find("accuracy") instanceof JsonValue.JsonNumber accuracy) {
      history.addStep(step, loss.asDouble(), accuracy.asDouble());
    }
  }

  /** Writes a step's line. */
  void write(Step step) {
    begin(step.step(), step.epoch());
    number("loss", step.loss());
    number("accuracy", step.accuracy());
    line.append(",\"lr\":").append(step.rate());
    if (!Double.isNaN(step.gradientNorm())) {
      number("gradient_norm", step.gradientNorm());
    }
    number("images_per_second", Math.round(step.imagesPerSecond() * 10) / 10.0);
    number("step_seconds", Math.round(step.stepSeconds() * 1e6) / 1e6);
    end();
  }

  /** Writes an epoch's line. */
  void write(Epoch epoch) {
    begin(epoch.step(), epoch.epoch());
    number("train_loss", epoch.trainLoss());
    number("train_accuracy", epoch.trainAccuracy());
    String split = epoch.onValidation() ? "validation" : "test";
    number(split + "_loss", epoch.testLoss());
    number(split + "_accuracy", epoch.testAccuracy());
    number(split + "_seconds", Math.round(epoch.seconds() * 1e3) / 1e3);
    end();
  }

  private void begin(long step, int epoch) {
    line.setLength(0);
    line.append("{\"step\":").append(step).append(",\"epoch\":").append(epoch);
  }

  private void number(String name, double value) {
    line.append(",\"").append(name).append("\":");
    if (Double.isFinite(value)) {
      line.append(value);
    } else {
      line.append("null"); // JSON has no infinity
    }
  }

  private void end() {
    line.append("}\n");
    for (int i = 0; i < line.length(); i++) {
      bytes[i] = (byte) line.charAt(i);
    }
    try {
      out.write(bytes, 0, line.length());
    } catch (IOException e) {
      throw BadInputException.file("write", path, e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw BadInputException.file("write", path, e);
    }
  }
}
