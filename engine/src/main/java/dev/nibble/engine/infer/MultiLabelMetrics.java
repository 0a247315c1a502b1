package dev.nibble.engine.infer;

import dev.nibble.engine.data.Task;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Any number of labels a picture. */
final class MultiLabelMetrics implements Metrics {
  /** A target above this is one that is there. */
  private static final float THERE = 0.5f;

  /** Outputs that are kept to rank pictures by. */
  private static final long MOST = 1 << 23;

  private final Confusions confusions;
  private final List<float[]> ranked = new ArrayList<>();
  private long pictures;
  private long right;

  MultiLabelMetrics(List<String> names) {
    this.confusions = new Confusions(names);
  }

  @Override
  public Task task() {
    return Task.MULTI_LABEL;
  }

  @Override
  public void add(float[] outputs, float[] targets) {
    int labels = confusions.names().size();
    boolean all = true;
    for (int i = 0; i < labels; i++) {
      boolean there = targets[i] > THERE;
      boolean said = outputs[i] > 0;
      confusions.add(i, there, said);
      all &= there == said;
    }
    right += all ? 1 : 0;
    pictures++;
    if (pictures * labels <= MOST) {
      float[] both = Arrays.copyOf(outputs, 2 * labels);
      System.arraycopy(targets, 0, both, labels, labels);
      ranked.add(both);
    } else {
      ranked.clear();
    }
  }

  @Override
  public long pictures() {
    return pictures;
  }

  @Override
  public SequencedMap<String, Double> figures() {
    double sum = 0;
    int known = 0;
    for (int i = 0; i < confusions.names().size(); i++) {
      double precision = averagePrecision(i);
      if (!Double.isNaN(precision)) {
        sum += precision;
        known++;
      }
    }
    SequencedMap<String, Double> map = new LinkedHashMap<>();
    map.put("mean_f1", confusions.meanF1());
    map.put("common_f1", confusions.commonF1());
    map.put("exact_match", (double) right / pictures);
    map.put("mean_average_precision", sum / known);
    return map;
  }

  @Override
  public SequencedMap<String, SequencedMap<String, Double>> byName() {
    SequencedMap<String, SequencedMap<String, Double>> map = new LinkedHashMap<>();
    for (int i = 0; i < confusions.names().size(); i++) {
      SequencedMap<String, Double> figures = confusions.figures(i);
      figures.put("average_precision", averagePrecision(i));
      map.put(confusions.names().get(i), figures);
    }
    return map;
  }

  /**
   * Precision where each picture that has the label is found, averaged; pictures of one output are
   * found together. NaN if none has it, or there were too many to rank.
   */
  private double averagePrecision(int label) {
    if (ranked.isEmpty()) {
      return Double.NaN;
    }
    int labels = confusions.names().size();
    List<float[]> order = new ArrayList<>(ranked);
    order.sort(Comparator.comparingDouble((float[] both) -> both[label]).reversed());
    long found = 0;
    long before = 0;
    double sum = 0;
    for (int i = 0; i < order.size(); i++) {
      found += order.get(i)[labels + label] > THERE ? 1 : 0;
      if (i + 1 == order.size() || order.get(i + 1)[label] != order.get(i)[label]) {
        sum += (found - before) * ((double) found / (i + 1));
        before = found;
      }
    }
    return sum / found;
  }
}
