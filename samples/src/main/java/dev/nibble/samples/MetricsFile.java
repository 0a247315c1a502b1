package dev.nibble.samples;

import dev.nibble.engine.data.Task;
import dev.nibble.engine.infer.Metrics;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.train.TrainingListener.Epoch;
import dev.nibble.engine.train.TrainingListener.Step;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The file {@code metrics.jsonl}: a line a step and a line an epoch, each written at once. The
 * buffers are the file's own, since a line is written in every step.
 */
final class MetricsFile implements AutoCloseable {
  private static final int LONGEST_LINE = 1024;

  /** What epochs are compared by, of each task. */
  private static final List<String> SCORES = List.of("accuracy", "mean_f1", "r2");

  private final Path path;

  /** A stream, because an interrupt of the training thread closes a channel. */
  private final FileOutputStream out;

  private final Task task;
  private final StringBuilder line = new StringBuilder(LONGEST_LINE);
  private final byte[] bytes = new byte[LONGEST_LINE];

  private MetricsFile(Path path, FileOutputStream out, Task task) {
    this.path = path;
    this.out = out;
    this.task = task;
  }

  /** As the other, of a run of classes. */
  static MetricsFile open(Path path, long doneSteps, boolean testAgain, History history) {
    return open(path, doneSteps, testAgain, history, Task.CLASSIFICATION);
  }

  /**
   * Opens the file to go on after a step; lines of later steps, which a resumed run takes again,
   * are dropped.
   *
   * @param testAgain whether the test after that step is made again, and its line dropped, too
   * @param history receives what is kept
   * @param task of the run, whose figures have names of their own
   * @throws BadInputException if the file cannot be read or written
   */
  static MetricsFile open(
      Path path, long doneSteps, boolean testAgain, History history, Task task) {
    try {
      if (Files.exists(path)) {
        keep(path, doneSteps, testAgain, history);
      } else {
        Files.createFile(path);
      }
      return new MetricsFile(path, new FileOutputStream(path.toFile(), true), task);
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
      for (String score : SCORES) {
        if (entry.find(split + "_loss") instanceof JsonValue.JsonNumber loss
            && entry.find(split + "_" + score) instanceof JsonValue.JsonNumber value) {
          history.addTest(step, loss.asDouble(), value.asDouble());
          history.evaluatedOn(split);
          return;
        }
      }
    }
    if (entry.find("loss") instanceof JsonValue.JsonNumber loss) {
      boolean known = entry.find("accuracy") instanceof JsonValue.JsonNumber;
      double accuracy = known ? entry.get("accuracy").asDouble() : Double.NaN;
      history.addStep(step, loss.asDouble(), accuracy);
    }
  }

  /** Writes a step's line. */
  void write(Step step) {
    begin(step.step(), step.epoch());
    number("loss", step.loss());
    if (task == Task.CLASSIFICATION) {
      number("accuracy", step.accuracy());
    }
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
    write(epoch, false);
  }

  /**
   * Writes an epoch's line.
   *
   * @param each whether with the figures of each class
   */
  void write(Epoch epoch, boolean each) {
    begin(epoch.step(), epoch.epoch());
    number("train_loss", epoch.trainLoss());
    if (task == Task.CLASSIFICATION) {
      number("train_accuracy", epoch.trainAccuracy());
    }
    String split = epoch.onValidation() ? "validation" : "test";
    number(split + "_loss", epoch.testLoss());
    Metrics metrics = epoch.metrics();
    if (metrics == null) {
      number(split + "_accuracy", epoch.testAccuracy());
    } else {
      metrics.figures().forEach((name, value) -> number(split + "_" + name, value));
    }
    number(split + "_seconds", Math.round(epoch.seconds() * 1e3) / 1e3);
    if (each && metrics != null) {
      line.append(",\"").append(split).append('_').append(metrics.task().names()).append("\":");
      line.append(JsonWriter.compact(TaskReport.byName(metrics)));
      endLong();
      return;
    }
    end();
  }

  /** A line of any length and letters; an epoch's, so that it may make some garbage. */
  private void endLong() {
    write(line.append("}\n").toString().getBytes(StandardCharsets.UTF_8));
    line.setLength(0);
    line.trimToSize();
    line.ensureCapacity(LONGEST_LINE);
  }

  private void write(byte[] text) {
    try {
      out.write(text);
    } catch (IOException e) {
      throw BadInputException.file("write", path, e);
    }
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
