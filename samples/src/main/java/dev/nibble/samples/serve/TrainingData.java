package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Datasets;
import dev.nibble.kernels.FeatureMap;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What one training learns from and is judged by: the data set's training pictures with most of the
 * examples, and its test pictures with the rest.
 *
 * @param splits both parts; closing them closes nothing
 * @param examples examples in both
 */
record TrainingData(DataSplits splits, int examples) {
  /** Of each label, this many examples make one that is held out: the last of them. */
  private static final int HELD_OUT_OF = 5;

  /** How often an example stands among the training pictures, at most. */
  private static final int MOST_TIMES = 8;

  /** Examples are repeated until they are one in so many of the training pictures. */
  private static final int SHARE = 8;

  /**
   * Puts it together.
   *
   * @param known classes of the current model, which come first; empty before there is one
   */
  static TrainingData of(DataSplits data, ExampleStore store, List<String> known) {
    List<Example> all = store.examples();
    List<String> classes = new ArrayList<>(known);
    data.train().classNames().forEach(name -> addNew(classes, name));
    all.forEach(e -> addNew(classes, e.label()));
    List<Example> learnt = new ArrayList<>();
    List<Example> heldOut = new ArrayList<>();
    Map<String, Integer> seen = new HashMap<>();
    for (Example example : all) {
      int count = seen.merge(example.label(), 1, Integer::sum);
      (count % HELD_OUT_OF == 0 ? heldOut : learnt).add(example);
    }
    int times =
        Math.clamp(
            data.train().size() / (SHARE * (long) Math.max(1, learnt.size())), 1, MOST_TIMES);
    Dataset train = join(data.train(), store, learnt, classes, times);
    Dataset test = join(data.test(), store, heldOut, classes, 1);
    return new TrainingData(new DataSplits(train, test, data.name()), all.size());
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

  private static void addNew(List<String> classes, String name) {
    if (!classes.contains(name)) {
      classes.add(name);
    }
  }

  List<String> classes() {
    return splits.train().classNames();
  }
}
