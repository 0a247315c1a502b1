package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.Task;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Pictures of files with what a table tells of them; owns them. */
final class LabelledPictures implements Dataset {
  private final ImageFolderDataset source;
  private final List<String> names;
  private final Task task;
  private final float[][] targets;

  /**
   * Joins them.
   *
   * @param files of the entries; those that the source has left out are passed over
   */
  LabelledPictures(
      ImageFolderDataset source,
      List<String> names,
      Task task,
      List<Path> files,
      List<LabelTable.Entry> entries) {
    this.source = source;
    this.names = names;
    this.task = task;
    Map<Path, float[]> byFile = new HashMap<>();
    for (int i = 0; i < files.size(); i++) {
      byFile.put(files.get(i), entries.get(i).targets());
    }
    this.targets = new float[source.size()][];
    for (int i = 0; i < targets.length; i++) {
      targets[i] = byFile.getOrDefault(source.file(i), new float[names.size()]);
    }
  }

  @Override
  public int size() {
    return source.size();
  }

  @Override
  public int height() {
    return source.height();
  }

  @Override
  public int width() {
    return source.width();
  }

  @Override
  public int channels() {
    return source.channels();
  }

  @Override
  public Resizing resizing() {
    return source.resizing();
  }

  @Override
  public List<String> classNames() {
    return names;
  }

  @Override
  public Task task() {
    return task;
  }

  @Override
  public int label(int index) {
    int label = 0;
    for (int i = 1; task == Task.CLASSIFICATION && i < names.size(); i++) {
      label = targets[index][i] > targets[index][label] ? i : label;
    }
    return label;
  }

  @Override
  public void targets(int index, MemorySegment target, long offset) {
    MemorySegment.copy(targets[index], 0, target, JAVA_FLOAT_UNALIGNED, offset, names.size());
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

  @Override
  public void close() {
    source.close();
  }
}
