package dev.nibble.samples;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureFiles;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.model.ModelInfo;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/** Picture files of any size as a model wants them; their labels are unknown and given as 0. */
final class PictureList implements Dataset {
  private final List<Path> files;
  private final ModelInfo info;
  private final boolean ignoreOrientation;
  private final PictureSize size;

  PictureList(List<Path> files, ModelInfo info, boolean ignoreOrientation) {
    this.ignoreOrientation = ignoreOrientation;
    this.files = List.copyOf(files);
    this.info = info;
    this.size = new PictureSize(info.input().height(), info.input().width());
  }

  @Override
  public int size() {
    return files.size();
  }

  @Override
  public int height() {
    return size.height();
  }

  @Override
  public int width() {
    return size.width();
  }

  @Override
  public int channels() {
    return info.input().channels();
  }

  @Override
  public List<String> classNames() {
    return info.classes();
  }

  @Override
  public int label(int index) {
    return 0;
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    PictureFiles.read(files.get(index), size, channels(), ignoreOrientation, target, offset);
  }

  @Override
  public void close() {
    // Nothing is held open: each picture is read whole.
  }
}
