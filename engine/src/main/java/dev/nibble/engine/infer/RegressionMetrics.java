package dev.nibble.engine.infer;

import dev.nibble.engine.data.Task;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Numbers; sums are kept about the first picture's targets, so that large ones lose no digits. */
final class RegressionMetrics implements Metrics {
  private final List<String> names;
  private final double[] origin;
  private final double[] sum;
  private final double[] square;
  private final double[] squaredError;
  private final double[] absoluteError;
  private long pictures;

  RegressionMetrics(List<String> names) {
    this.names = List.copyOf(names);
    this.origin = new double[names.size()];
    this.sum = new double[names.size()];
    this.square = new double[names.size()];
    this.squaredError = new double[names.size()];
    this.absoluteError = new double[names.size()];
  }

  @Override
  public Task task() {
    return Task.REGRESSION;
  }

  @Override
  public void add(float[] outputs, float[] targets) {
    for (int i = 0; i < origin.length; i++) {
      if (pictures == 0) {
        origin[i] = targets[i];
      }
      double target = targets[i] - origin[i];
      double error = (double) outputs[i] - targets[i];
      sum[i] += target;
      square[i] += target * target;
      squaredError[i] += error * error;
      absoluteError[i] += Math.abs(error);
    }
    pictures++;
  }

  @Override
  public long pictures() {
    return pictures;
  }

  /** NaN where all targets are the same. */
  private double r2(int value) {
    double variance = square[value] - sum[value] * sum[value] / pictures;
    return variance > 0 ? 1 - squaredError[value] / variance : Double.NaN;
  }

  @Override
  public SequencedMap<String, Double> figures() {
    double explained = 0;
    double squares = 0;
    double absolute = 0;
    int known = 0;
    for (int i = 0; i < origin.length; i++) {
      squares += squaredError[i];
      absolute += absoluteError[i];
      if (!Double.isNaN(r2(i))) {
        explained += r2(i);
        known++;
      }
    }
    double count = (double) pictures * origin.length;
    return figures(explained / known, squares / count, absolute / count);
  }

  private static SequencedMap<String, Double> figures(double r2, double squares, double absolute) {
    SequencedMap<String, Double> map = new LinkedHashMap<>();
    map.put("r2", r2);
    map.put("rmse", Math.sqrt(squares));
    map.put("mae", absolute);
    return map;
  }

  @Override
  public SequencedMap<String, SequencedMap<String, Double>> byName() {
    SequencedMap<String, SequencedMap<String, Double>> map = new LinkedHashMap<>();
    for (int i = 0; i < origin.length; i++) {
      map.put(
          names.get(i), figures(r2(i), squaredError[i] / pictures, absoluteError[i] / pictures));
    }
    return map;
  }
}
