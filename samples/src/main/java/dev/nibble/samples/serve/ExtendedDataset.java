package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * A data set and examples after it, with labels of one list of classes. Owns neither.
 *
 * <p>A few examples would drown among thousands of pictures, so each may stand here several times.
 */
final class ExtendedDataset implements Dataset {
  private final Dataset base;
  private final int[] baseLabels;
  private final ExampleStore store;
  private final List<Example> examples;
  private final int[] exampleLabels;
  private final int times;
  private final List<String> classes;

  /**
   * Puts them together.
   *
   * @param classes those of the data set and of the examples, in any order
   * @param times how often each example stands here
   */
  ExtendedDataset(
      Dataset base, ExampleStore store, List<Example> examples, List<String> classes, int times) {
    this.base = base;
    this.store = store;
    this.examples = List.copyOf(examples);
    this.classes = List.copyOf(classes);
    this.times = times;
    this.baseLabels = base.classNames().stream().mapToInt(classes::indexOf).toArray();
    this.exampleLabels = examples.stream().mapToInt(e -> classes.indexOf(e.label())).toArray();
  }

  @Override
  public int size() {
    return base.size() + times * examples.size();
  }

  @Override
  public int height() {
    return base.height();
  }

  @Override
  public int width() {
    return base.width();
  }

  @Override
  public int channels() {
    return base.channels();
  }

  @Override
  public List<String> classNames() {
    return classes;
  }

  @Override
  public int label(int index) {
    Objects.checkIndex(index, size());
    return index < base.size() ? baseLabels[base.label(index)] : exampleLabels[example(index)];
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    Objects.checkIndex(index, size());
    if (index < base.size()) {
      base.read(index, target, offset);
      return;
    }
    Objects.checkFromIndexSize(offset, pictureBytes(), target.byteSize());
    Example example = examples.get(example(index));
    try {
      store.read(example, target, offset);
    } catch (IOException e) {
      throw new DataException(
          "Cannot read example %d: %s; restart the service, which checks the examples."
              .formatted(example.id(), ServiceException.reason(e)),
          e);
    }
  }

  private int example(int index) {
    return (index - base.size()) % examples.size();
  }

  @Override
  public void close() {
    // Neither the data set nor the store ends with a training.
  }
}
