package dev.nibble.samples;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.infer.Metrics;
import java.lang.foreign.MemorySegment;

/** Measures a model of labels or numbers, picture by picture in the data set's order. */
final class TaskEvaluation implements Classifier.Visitor {
  private final Dataset data;
  private final Metrics metrics;
  private final float[] targets;
  private double loss;
  private int next;

  TaskEvaluation(Dataset data) {
    this.data = data;
    this.metrics = Metrics.of(data.task(), data.classNames());
    this.targets = new float[data.classNames().size()];
  }

  @Override
  public void visit(int label, float[] outputs) {
    MemorySegment memory = MemorySegment.ofArray(new byte[4 * targets.length]);
    data.targets(next++, memory, 0);
    MemorySegment.copy(memory, JAVA_FLOAT_UNALIGNED, 0, targets, 0, targets.length);
    metrics.add(outputs, targets);
    for (int k = 0; k < targets.length; k++) {
      loss += loss(outputs[k], targets[k]) / targets.length;
    }
  }

  /** Binary cross-entropy, or the squared error. */
  private double loss(double output, double target) {
    return data.task() == Task.REGRESSION
        ? (output - target) * (output - target)
        : Math.max(output, 0) - output * target + Math.log1p(Math.exp(-Math.abs(output)));
  }

  /** The pictures' mean loss. */
  double loss() {
    return loss / next;
  }

  Metrics metrics() {
    return metrics;
  }
}
