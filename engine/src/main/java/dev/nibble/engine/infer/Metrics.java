package dev.nibble.engine.infer;

import dev.nibble.engine.data.Task;
import java.util.List;
import java.util.SequencedMap;

/**
 * What an evaluation comes to, picture by picture. Shares lie in 0..1; a figure that the pictures
 * so far leave undefined is NaN. Used by one thread.
 */
public interface Metrics {
  /**
   * The usual ones of a task. Classification: accuracy, top-5 accuracy, mean F1; of each class
   * precision, recall, F1. Multi-label, a label being said where its output is above 0 (probability
   * 0.5): mean F1, F1 of all labels together, share of pictures whose labels are all right, mean
   * average precision (of up to 8 million outputs); of each label precision, recall, F1, average
   * precision. Regression: R2 (the share of the values' variance that is explained), root of the
   * mean squared error, mean absolute error; of each value the same.
   *
   * @param names of the outputs
   */
  static Metrics of(Task task, List<String> names) {
    return switch (task) {
      case CLASSIFICATION -> new ClassificationMetrics(names);
      case MULTI_LABEL -> new MultiLabelMetrics(names);
      case REGRESSION -> new RegressionMetrics(names);
    };
  }

  /** What is measured. */
  Task task();

  /**
   * Counts a picture.
   *
   * @param outputs one for each name
   * @param targets what they should be; for classification the largest names the class
   */
  void add(float[] outputs, float[] targets);

  /** Pictures so far. */
  long pictures();

  /** The one that epochs are compared by, the larger the better: the first of {@link #figures}. */
  default double score() {
    return figures().firstEntry().getValue();
  }

  /** All together, by names such as {@code mean_f1}. */
  SequencedMap<String, Double> figures();

  /** The figures of each output, by its name. */
  SequencedMap<String, SequencedMap<String, Double>> byName();
}
