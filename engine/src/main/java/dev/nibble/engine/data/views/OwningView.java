package dev.nibble.engine.data.views;

import dev.nibble.engine.data.Dataset;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A view that closes what it was made of, where nobody else does. */
final class OwningView extends DatasetView {
  private final Dataset view;
  private final Dataset source;

  OwningView(Dataset view, Dataset source) {
    super(view);
    this.view = view;
    this.source = source;
  }

  @Override
  public int size() {
    return view.size();
  }

  @Override
  public List<String> classNames() {
    return view.classNames();
  }

  @Override
  public int label(int index) {
    return view.label(index);
  }

  @Override
  public void targets(int index, MemorySegment target, long offset) {
    view.targets(index, target, offset);
  }

  @Override
  public String identity(int index) {
    return view.identity(index);
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    view.read(index, target, offset);
  }

  @Override
  public void readPart(int index, long key, MemorySegment target, long offset) {
    view.readPart(index, key, target, offset);
  }

  /** What the source left out: it is not known from which part. */
  @Override
  public int skipped() {
    return source.skipped();
  }

  @Override
  public void close() {
    source.close();
  }
}
