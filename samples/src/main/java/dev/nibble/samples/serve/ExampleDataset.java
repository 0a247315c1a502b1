package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Some of a store's held examples, with labels of a list of classes; the store stays open. */
final class ExampleDataset implements Dataset {
  private final ExampleStore store;
  private final FeatureMap input;
  private final List<Example> examples;
  private final List<String> classes;
  private final int[] labels;

  /**
   * A view of the store.
   *
   * @param input shape of a picture
   * @param examples at least one
   * @param classes those of the examples among them, composed or not
   */
  ExampleDataset(
      ExampleStore store, FeatureMap input, List<Example> examples, List<String> classes) {
    this.store = store;
    this.input = input;
    this.examples = List.copyOf(examples);
    this.classes = List.copyOf(classes);
    Map<String, Integer> places = new HashMap<>();
    for (int i = 0; i < classes.size(); i++) {
      places.putIfAbsent(Labels.composed(classes.get(i)), i);
    }
    this.labels = examples.stream().mapToInt(e -> places.getOrDefault(e.label(), -1)).toArray();
  }

  @Override
  public int size() {
    return examples.size();
  }

  @Override
  public int height() {
    return input.height();
  }

  @Override
  public int width() {
    return input.width();
  }

  @Override
  public int channels() {
    return input.channels();
  }

  @Override
  public List<String> classNames() {
    return classes;
  }

  @Override
  public int label(int index) {
    return labels[index];
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    Example example = examples.get(index);
    Objects.checkFromIndexSize(offset, pictureBytes(), target.byteSize());
    try {
      store.read(example, target, offset);
    } catch (IOException e) {
      throw new DataException(
          "Cannot read example %d: %s; restart the service, which checks the examples."
              .formatted(example.id(), ServiceException.reason(e)),
          e);
    }
  }

  @Override
  public void close() {
    // The store does not end with a training.
  }
}
