package dev.nibble.engine.data.views;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.storage.PictureLabels;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A data set whose classes stand in a longer list, or in another order. */
final class RelabelledView extends DatasetView {
  private final Dataset source;
  private final List<String> classNames;

  /** New label by old label. */
  private final int[] labels;

  RelabelledView(Dataset source, List<String> classNames) {
    super(source);
    if (source.task() != Task.CLASSIFICATION) {
      throw new DataException(
          "Only data of one class a picture can have other classes, not of %s."
              .formatted(source.task().text()));
    }
    this.source = source;
    this.classNames = PictureLabels.checkNames(classNames);
    List<String> old = source.classNames();
    this.labels = new int[old.size()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = this.classNames.indexOf(old.get(i));
      if (labels[i] < 0) {
        throw new DataException(
            "The new classes %s lack '%s', which the data set has."
                .formatted(this.classNames, old.get(i)));
      }
    }
  }

  @Override
  public int size() {
    return source.size();
  }

  @Override
  public List<String> classNames() {
    return classNames;
  }

  @Override
  public int label(int index) {
    return labels[source.label(index)];
  }

  @Override
  public String identity(int index) {
    return source.identity(index);
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    source.read(index, target, offset);
  }

  @Override
  public void readPart(int index, long key, MemorySegment target, long offset) {
    source.readPart(index, key, target, offset);
  }

  @Override
  public int skipped() {
    return source.skipped();
  }
}
