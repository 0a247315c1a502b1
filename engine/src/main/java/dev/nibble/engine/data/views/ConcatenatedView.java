package dev.nibble.engine.data.views;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The pictures of several data sets of one shape and the same classes, one after the other. */
final class ConcatenatedView extends DatasetView {
  private final Dataset[] parts;

  /** Index of each part's first picture, and the number of all behind them. */
  private final int[] first;

  ConcatenatedView(List<Dataset> datasets) {
    super(checkFirst(datasets));
    this.parts = datasets.toArray(Dataset[]::new);
    this.first = new int[parts.length + 1];
    for (int i = 0; i < parts.length; i++) {
      checkFits(parts[0], parts[i]);
      long size = (long) first[i] + parts[i].size();
      if (size > Integer.MAX_VALUE) {
        throw new DataException("The data sets have more than %d pictures.".formatted(1L << 31));
      }
      first[i + 1] = (int) size;
    }
  }

  private static Dataset checkFirst(List<Dataset> datasets) {
    if (datasets.isEmpty()) {
      throw new DataException("Give at least 1 data set.");
    }
    return datasets.getFirst();
  }

  private static void checkFits(Dataset first, Dataset part) {
    if (part.height() != first.height()
        || part.width() != first.width()
        || part.channels() != first.channels()) {
      throw new DataException(
          "Pictures of %dx%dx%d and of %dx%dx%d cannot be in one data set."
              .formatted(
                  first.height(),
                  first.width(),
                  first.channels(),
                  part.height(),
                  part.width(),
                  part.channels()));
    }
    if (part.task() != first.task()) {
      throw new DataException(
          "Data of %s and of %s cannot be one data set."
              .formatted(first.task().text(), part.task().text()));
    }
    if (!part.classNames().equals(first.classNames())) {
      throw new DataException(
          "The classes %s and %s differ: give both data sets one list with Datasets.withClasses."
              .formatted(first.classNames(), part.classNames()));
    }
  }

  private int part(int index) {
    Objects.checkIndex(index, size());
    int found = Arrays.binarySearch(first, index);
    return found >= 0 ? found : -found - 2;
  }

  @Override
  public int size() {
    return first[parts.length];
  }

  @Override
  public List<String> classNames() {
    return parts[0].classNames();
  }

  @Override
  public int label(int index) {
    int part = part(index);
    return parts[part].label(index - first[part]);
  }

  @Override
  public void targets(int index, MemorySegment target, long offset) {
    int part = part(index);
    parts[part].targets(index - first[part], target, offset);
  }

  @Override
  public String identity(int index) {
    int part = part(index);
    return parts[part].identity(index - first[part]);
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    int part = part(index);
    parts[part].read(index - first[part], target, offset);
  }

  @Override
  public void readPart(int index, long key, MemorySegment target, long offset) {
    int part = part(index);
    parts[part].readPart(index - first[part], key, target, offset);
  }

  @Override
  public int skipped() {
    return Arrays.stream(parts).mapToInt(Dataset::skipped).sum();
  }
}
