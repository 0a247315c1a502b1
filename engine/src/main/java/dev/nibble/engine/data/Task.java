package dev.nibble.engine.data;

import java.util.List;
import java.util.Locale;

/** What is told of a picture. */
public enum Task {
  /** The class that it has, one of several. */
  CLASSIFICATION,

  /** Any number of labels. */
  MULTI_LABEL,

  /** One number or several. */
  REGRESSION;

  /** As files have it, such as {@code multi-label}. */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * The task of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Task of(String text) {
    for (Task task : values()) {
      if (task.text().equals(text)) {
        return task;
      }
    }
    throw new IllegalArgumentException(
        "there is no task '%s', only %s"
            .formatted(text, List.of(values()).stream().map(Task::text).toList()));
  }

  /** What the names of a data set are, such as {@code classes}. */
  public String names() {
    return switch (this) {
      case CLASSIFICATION -> "classes";
      case MULTI_LABEL -> "labels";
      case REGRESSION -> "values";
    };
  }
}
