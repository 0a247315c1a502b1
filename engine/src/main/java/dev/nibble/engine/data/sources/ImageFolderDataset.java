package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.RandomResizedCrop;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.pictures.PictureDecoder;
import dev.nibble.engine.data.pictures.PictureResizer;
import dev.nibble.engine.data.pictures.RgbPicture;
import dev.nibble.engine.data.storage.DataFile;
import dev.nibble.engine.data.storage.PictureCache;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Pictures of one split of an image folder, decoded and resized once, then read from a cache. */
final class ImageFolderDataset implements Dataset {
  private static final int CHANNELS = 3;

  private final List<String> classNames;
  private final PictureSize size;
  private final boolean oriented;
  private final PictureCache cache;
  private Path[] files;
  private int[] labels;
  private int skipped;

  private ImageFolderDataset(
      List<String> classNames, PictureSize size, boolean oriented, Path[] files, int[] labels) {
    this.classNames = classNames;
    this.size = size;
    this.oriented = oriented;
    this.files = files;
    this.labels = labels;
    this.cache = PictureCache.create(files.length, size.height() * size.width() * CHANNELS);
  }

  /**
   * Opens a split.
   *
   * @param split its name, for messages
   * @param files a list of pictures per class, in the order of the class names
   * @param options where unreadable pictures are skipped, all are decoded now
   */
  static ImageFolderDataset open(
      String split,
      List<String> classNames,
      List<List<Path>> files,
      PictureSize size,
      DataOptions options) {
    int count = files.stream().mapToInt(List::size).sum();
    Path[] paths = new Path[count];
    int[] labels = new int[count];
    int at = 0;
    for (int label = 0; label < files.size(); label++) {
      for (Path path : files.get(label)) {
        paths[at] = path;
        labels[at++] = label;
      }
    }
    ImageFolderDataset dataset =
        new ImageFolderDataset(classNames, size, !options.ignoreOrientation(), paths, labels);
    if (options.skipUnreadable()) {
      try {
        dataset.dropUnreadable(split);
      } catch (DataException e) {
        dataset.close();
        throw e;
      }
    }
    return dataset;
  }

  /** Only while opening, before any other thread sees this data set. */
  private void dropUnreadable(String split) {
    int kept = 0;
    for (int i = 0; i < files.length; i++) {
      byte[] picture;
      try {
        picture = PictureResizer.resize(PictureDecoder.decode(files[i], oriented), size);
      } catch (DataException e) {
        skipped++;
        continue;
      }
      files[kept] = files[i];
      labels[kept] = labels[i];
      cache.write(kept++, MemorySegment.ofArray(picture), 0);
    }
    if (kept == 0) {
      throw new DataException(
          "None of the %d %s pictures, from %s on, can be read."
              .formatted(files.length, split, files[0]));
    }
    files = Arrays.copyOf(files, kept);
    labels = Arrays.copyOf(labels, kept);
  }

  @Override
  public int size() {
    return files.length;
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
    return CHANNELS;
  }

  @Override
  public Resizing resizing() {
    return size.resizing();
  }

  @Override
  public List<String> classNames() {
    return classNames;
  }

  @Override
  public int label(int index) {
    return labels[index];
  }

  /** The file of a picture. */
  Path file(int index) {
    return files[index];
  }

  @Override
  public int skipped() {
    return skipped;
  }

  /** Class folder, name and bytes of the file, wherever the whole may lie. */
  @Override
  public String identity(int index) {
    Path file = files[index];
    try {
      return classNames.get(labels[index]) + "/" + file.getFileName() + ":" + Files.size(file);
    } catch (IOException e) {
      throw new DataException(
          "Cannot read the picture %s: %s.".formatted(file, DataFile.reason(e)), e);
    }
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    Objects.checkIndex(index, files.length);
    Objects.checkFromIndexSize(offset, pictureBytes(), target.byteSize());
    if (cache.read(index, target, offset)) {
      return;
    }
    byte[] picture = PictureResizer.resize(PictureDecoder.decode(files[index], oriented), size);
    MemorySegment.copy(picture, 0, target, JAVA_BYTE, offset, picture.length);
    cache.write(index, target, offset);
  }

  /** From the file, not from the cache: the part is one of the picture in its own size. */
  @Override
  public void readPart(int index, long key, MemorySegment target, long offset) {
    Objects.checkIndex(index, files.length);
    Objects.checkFromIndexSize(offset, pictureBytes(), target.byteSize());
    RgbPicture picture = PictureDecoder.decode(files[index], oriented);
    byte[] part =
        RandomResizedCrop.of(picture.rgb(), picture.height(), picture.width(), CHANNELS, key, size);
    MemorySegment.copy(part, 0, target, JAVA_BYTE, offset, part.length);
  }

  @Override
  public void close() {
    cache.close();
  }

  /** The size of the first picture; of the first that can be decoded, if others are skipped. */
  static PictureSize sizeOfFirst(List<List<Path>> files, DataOptions options) {
    boolean skipUnreadable = options.skipUnreadable();
    boolean oriented = !options.ignoreOrientation();
    List<Path> all = new ArrayList<>();
    files.forEach(all::addAll);
    for (Path path : all) {
      try {
        PictureSize size = PictureDecoder.size(path, oriented);
        if (skipUnreadable) {
          PictureDecoder.decode(path, oriented);
        }
        return size;
      } catch (DataException e) {
        if (!skipUnreadable) {
          throw e;
        }
      }
    }
    throw new DataException(
        "None of the %d training pictures, from %s on, can be read."
            .formatted(all.size(), all.getFirst()));
  }
}
