package dev.nibble.engine.data.storage;

import dev.nibble.engine.data.DataException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** The labels of a data set that is collected picture by picture, and the names they stand for. */
public final class PictureLabels {
  private final List<String> classNames;
  private int[] labels = new int[64];
  private int size;

  public PictureLabels(List<String> classNames) {
    this.classNames = checkNames(classNames);
  }

  /** Copies the names; there must be some, each once: they are keys in reports and files. */
  public static List<String> checkNames(List<String> names) {
    List<String> copy = List.copyOf(names);
    if (copy.isEmpty()) {
      throw new DataException("A data set needs the names of its classes.");
    }
    Set<String> seen = new HashSet<>();
    for (String name : copy) {
      if (!seen.add(name)) {
        throw new DataException("Two classes are named '%s'.".formatted(name));
      }
    }
    return copy;
  }

  public void check(int label) {
    if (label < 0 || label >= classNames.size()) {
      throw new DataException(
          "Picture %d has label %d, but labels are 0 to %d."
              .formatted(size, label, classNames.size() - 1));
    }
  }

  public void add(int label) {
    check(label);
    if (size == labels.length) {
      labels = Arrays.copyOf(labels, Math.max(size + 1, size + size / 2));
    }
    labels[size++] = label;
  }

  public void checkNotEmpty() {
    if (size == 0) {
      throw new DataException("A data set needs at least 1 picture, and none was added.");
    }
  }

  public int get(int index) {
    return labels[Objects.checkIndex(index, size)];
  }

  public int size() {
    return size;
  }

  public List<String> classNames() {
    return classNames;
  }
}
