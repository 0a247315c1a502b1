package dev.nibble.samples;

import dev.nibble.engine.data.Task;
import java.util.Locale;

/** How figures of a task are written for people. */
final class TaskWords {
  private TaskWords() {}

  /** So many of what a model tells, such as {@code 10 classes} or {@code 1 value}. */
  static String count(Task task, int count) {
    String name =
        switch (task) {
          case CLASSIFICATION -> "class";
          case MULTI_LABEL -> "label";
          case REGRESSION -> "value";
        };
    return count + " " + (count == 1 ? name : task.names());
  }

  /** The outputs of a network that may be of any task: more than one are taken for classes. */
  static String outputs(int count) {
    return count == 1 ? "1 output" : count + " classes";
  }

  /** What epochs are compared by, in words. */
  static String score(Task task) {
    return switch (task) {
      case CLASSIFICATION -> "accuracy";
      case MULTI_LABEL -> "mean F1";
      case REGRESSION -> "R2";
    };
  }

  /** A score with its name, such as {@code accuracy 97.50 %}. */
  static String score(Task task, double value) {
    return task == Task.CLASSIFICATION
        ? String.format(Locale.ROOT, "accuracy %.2f %%", 100 * value)
        : String.format(Locale.ROOT, "%s %.4f", score(task), value);
  }

  /** How well a step's or an epoch's training pictures came out, behind a comma; maybe nothing. */
  static String training(Task task, double value) {
    return switch (task) {
      case CLASSIFICATION -> String.format(Locale.ROOT, ", accuracy %.2f %%", 100 * value);
      case MULTI_LABEL -> String.format(Locale.ROOT, ", all right %.2f %%", 100 * value);
      case REGRESSION -> "";
    };
  }

  /** A figure's name in a report, such as {@code mean average precision}. */
  static String figure(String name) {
    return switch (name) {
      case "rmse", "mae", "r2" -> name.toUpperCase(Locale.ROOT);
      default -> name.replace('_', ' ').replace("f1", "F1");
    };
  }
}
