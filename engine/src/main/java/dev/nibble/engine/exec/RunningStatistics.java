package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.exec.BoundStage.BoundTable;
import dev.nibble.engine.exec.BoundStage.Moments;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;

/** Batch norm's running mean and variance. */
final class RunningStatistics {
  private RunningStatistics() {}

  /** Sets every running variance to 1; the means are 0 already. */
  static void start(Network network, Binder binder) {
    for (Parameter parameter : network.parameters()) {
      if (parameter.kind() == Parameter.Kind.RUNNING_VARIANCE) {
        MemorySegment values = binder.parameter(parameter);
        for (int i = 0; i < parameter.size(); i++) {
          values.set(JAVA_FLOAT, 4L * i, 1);
        }
      }
    }
  }

  /**
   * Moves the running statistics of channels {@code [from, to)} towards a batch's; the variance is
   * taken unbiased.
   */
  static void update(BoundTable table, MemorySegment moments, long count, int from, int to) {
    MemorySegment mean = table.runningMean();
    MemorySegment variance = table.runningVariance();
    if (mean == null || variance == null) {
      return;
    }
    float unbiased = count > 1 ? (float) ((double) count / (count - 1)) : 1;
    int channels = table.channels();
    for (int c = from; c < to; c++) {
      move(mean, c, moments.get(JAVA_FLOAT, 4L * c), table.momentum());
      move(variance, c, moments.get(JAVA_FLOAT, 4L * (channels + c)) * unbiased, table.momentum());
    }
  }

  private static void move(MemorySegment running, int c, float value, float momentum) {
    float old = running.get(JAVA_FLOAT, 4L * c);
    running.set(JAVA_FLOAT, 4L * c, old + momentum * (value - old));
  }

  /** Copies a slice's moments of channels {@code [from, to)} to their place among its whole's. */
  static void place(MemorySegment moments, int channels, int from, int to, Moments whole) {
    for (int c = from; c < to; c++) {
      int at = whole.offset() + c;
      whole.segment().set(JAVA_FLOAT, 4L * at, moments.get(JAVA_FLOAT, 4L * c));
      whole
          .segment()
          .set(
              JAVA_FLOAT,
              4L * (whole.channels() + at),
              moments.get(JAVA_FLOAT, 4L * (channels + c)));
    }
  }

  /** Copies the running statistics to where a batch's moments would lie. */
  static void load(BoundTable table, MemorySegment moments) {
    MemorySegment mean = table.runningMean();
    MemorySegment variance = table.runningVariance();
    if (mean == null || variance == null) {
      return;
    }
    long bytes = 4L * table.channels();
    MemorySegment.copy(mean, 0, moments, 0, bytes);
    MemorySegment.copy(variance, 0, moments, bytes, bytes);
  }
}
