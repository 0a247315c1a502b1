package dev.nibble.engine.data.views;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Some pictures of a data set, in any order. */
final class SubsetView extends DatasetView {
  private final Dataset source;
  private final int[] indices;

  /** Takes the array over. */
  SubsetView(Dataset source, int[] indices) {
    super(source);
    if (indices.length == 0) {
      throw new DataException("A subset needs at least 1 picture.");
    }
    for (int index : indices) {
      if (index < 0 || index >= source.size()) {
        throw new DataException(
            "There is no picture %d in a data set of %d pictures.".formatted(index, source.size()));
      }
    }
    this.source = source;
    this.indices = indices;
  }

  @Override
  public int size() {
    return indices.length;
  }

  @Override
  public List<String> classNames() {
    return source.classNames();
  }

  @Override
  public int label(int index) {
    return source.label(indices[index]);
  }

  @Override
  public void targets(int index, MemorySegment target, long offset) {
    source.targets(indices[index], target, offset);
  }

  @Override
  public String identity(int index) {
    return source.identity(indices[index]);
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    source.read(indices[index], target, offset);
  }

  @Override
  public void readPart(int index, long key, MemorySegment target, long offset) {
    source.readPart(indices[index], key, target, offset);
  }
}
