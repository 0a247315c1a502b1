package dev.nibble.engine.infer;

import dev.nibble.engine.data.Task;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** One class a picture. */
final class ClassificationMetrics implements Metrics {
  private static final int TOP = 5;

  private final Confusions confusions;
  private final int[] top;
  private long pictures;
  private long right;
  private long inTop;

  ClassificationMetrics(List<String> names) {
    this.confusions = new Confusions(names);
    this.top = new int[Math.min(TOP, names.size())];
  }

  @Override
  public Task task() {
    return Task.CLASSIFICATION;
  }

  @Override
  public void add(float[] outputs, float[] targets) {
    int classes = confusions.names().size();
    int label = Classes.largest(targets, 0, classes);
    int said = Classes.largest(outputs, 0, classes);
    pictures++;
    if (said == Classes.NONE) {
      confusions.add(label, true, false);
      return;
    }
    right += said == label ? 1 : 0;
    for (int i = 0; i < classes; i++) {
      confusions.add(i, i == label, i == said);
    }
    Classes.top(outputs, 0, classes, top);
    for (int index : top) {
      inTop += index == label ? 1 : 0;
    }
  }

  @Override
  public long pictures() {
    return pictures;
  }

  @Override
  public SequencedMap<String, Double> figures() {
    SequencedMap<String, Double> map = new LinkedHashMap<>();
    map.put("accuracy", (double) right / pictures);
    map.put("top5_accuracy", (double) inTop / pictures);
    map.put("mean_f1", confusions.meanF1());
    return map;
  }

  @Override
  public SequencedMap<String, SequencedMap<String, Double>> byName() {
    SequencedMap<String, SequencedMap<String, Double>> map = new LinkedHashMap<>();
    for (int i = 0; i < confusions.names().size(); i++) {
      map.put(confusions.names().get(i), confusions.figures(i));
    }
    return map;
  }
}
