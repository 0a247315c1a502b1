package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.views.Datasets;
import dev.nibble.kernels.FeatureMap;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one training learns from and is judged by: the data set's training pictures with most of the
 * examples, and its test pictures with the rest.
 *
 * @param splits both parts; closing them closes nothing
 * @param examples examples in both
 * @param waiting labels that are no class yet, because none of their examples could be held out
 */
record TrainingData(DataSplits splits, int examples, List<String> waiting) {
  /** Of each label, this many examples make one that is held out: the last of them. */
  static final int HELD_OUT_OF = 5;

  /** How often an example stands among the training pictures, at most. */
  private static final int MOST_TIMES = 8;

  /** Examples are repeated until they are one in so many of the training pictures. */
  private static final int SHARE = 8;

  /**
   * Puts it together.
   *
   * @param all the store's examples, which can be read until the training ends
   * @param known classes of the current model, which come first; empty before there is one
   */
  static TrainingData of(
      DataSplits data, ExampleStore store, List<Example> all, List<String> known) {
    List<String> classes = new ArrayList<>(known);
    Set<String> names = new HashSet<>();
    known.forEach(name -> names.add(Labels.composed(name)));
    for (String name : data.train().classNames()) {
      if (!classes.contains(name)) {
        classes.add(name);
      }
      names.add(Labels.composed(name));
    }
    Map<String, Integer> counts = new LinkedHashMap<>();
    all.forEach(e -> counts.merge(e.label(), 1, Integer::sum));
    // What is not measured must not get in: a new class has to have a picture that is held out.
    List<String> waiting = new ArrayList<>();
    counts.forEach(
        (label, count) -> {
          if (names.contains(label)) {
            return;
          }
          if (count < HELD_OUT_OF) {
            waiting.add(label);
          } else {
            classes.add(label);
          }
        });
    List<Example> taken = all.stream().filter(e -> !waiting.contains(e.label())).toList();
    return split(data, store, taken, classes, waiting);
  }

  private static TrainingData split(
      DataSplits data,
      ExampleStore store,
      List<Example> taken,
      List<String> classes,
      List<String> waiting) {
    List<Example> learnt = new ArrayList<>();
    List<Example> heldOut = new ArrayList<>();
    Map<String, Integer> seen = new HashMap<>();
    for (Example example : taken) {
      int count = seen.merge(example.label(), 1, Integer::sum);
      (count % HELD_OUT_OF == 0 ? heldOut : learnt).add(example);
    }
    int times =
        Math.clamp(
            data.train().size() / (SHARE * (long) Math.max(1, learnt.size())), 1, MOST_TIMES);
    Dataset train = join(data.train(), store, learnt, classes, times);
    Dataset test = join(data.test(), store, heldOut, classes, 1);
    return new TrainingData(new DataSplits(train, test, data.name()), taken.size(), waiting);
  }

  /** A few examples would drown among thousands of pictures, so each may stand there often. */
  private static Dataset join(
      Dataset data, ExampleStore store, List<Example> examples, List<String> classes, int times) {
    List<Dataset> parts = new ArrayList<>();
    parts.add(Datasets.withClasses(data, classes));
    if (!examples.isEmpty()) {
      FeatureMap input = new FeatureMap(data.height(), data.width(), data.channels());
      Dataset view = new ExampleDataset(store, input, examples, classes);
      parts.addAll(Collections.nCopies(times, view));
    }
    return Datasets.concat(parts);
  }

  List<String> classes() {
    return splits.train().classNames();
  }
}
