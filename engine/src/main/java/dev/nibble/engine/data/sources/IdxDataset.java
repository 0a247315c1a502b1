package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.storage.DataFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Grey pictures in IDX files, as MNIST and Fashion-MNIST come: one file of pictures, one of labels.
 */
final class IdxDataset implements Dataset {
  /** Names of the ten classes of Fashion-MNIST (Xiao, Rasul, Vollgraf 2017). */
  static final List<String> FASHION_CLASSES =
      List.of(
          "t-shirt",
          "trouser",
          "pullover",
          "dress",
          "coat",
          "sandal",
          "shirt",
          "sneaker",
          "bag",
          "ankle boot");

  private static final String CLASSES_FILE = "classes.txt";

  private final DataFile pictures;
  private final int headerBytes;
  private final int height;
  private final int width;
  private final byte[] labels;
  private final List<String> classNames;

  private IdxDataset(
      DataFile pictures,
      int headerBytes,
      int height,
      int width,
      byte[] labels,
      List<String> classNames) {
    this.pictures = pictures;
    this.headerBytes = headerBytes;
    this.height = height;
    this.width = width;
    this.labels = labels;
    this.classNames = classNames;
  }

  /** Whether a folder holds any file of an IDX data set. */
  static boolean isOne(Path folder) {
    return find(folder, "train", true) != null || find(folder, "t10k", true) != null;
  }

  /**
   * Opens {@code train-} and {@code t10k-} pictures and labels. Classes are {@code knownClasses},
   * else the lines of {@code classes.txt}, else the digits 0 to 9.
   */
  static DataSplits open(Path folder, String name, @Nullable List<String> knownClasses) {
    List<String> classes = knownClasses == null ? classNames(folder) : knownClasses;
    IdxDataset train = openSplit(folder, "train", classes);
    try {
      IdxDataset test = openSplit(folder, "t10k", classes);
      try {
        return new DataSplits(train, test, name);
      } catch (DataException e) {
        test.close();
        throw e;
      }
    } catch (DataException e) {
      train.close();
      throw e;
    }
  }

  private static List<String> classNames(Path folder) {
    Path file = folder.resolve(CLASSES_FILE);
    if (!Files.exists(file)) {
      return IntStream.range(0, 10).mapToObj(Integer::toString).toList();
    }
    try {
      List<String> names =
          Files.readAllLines(file).stream().map(String::strip).filter(n -> !n.isEmpty()).toList();
      if (names.isEmpty() || names.size() > 256) {
        throw new DataException(
            "%s names %d classes; IDX labels are bytes, so it needs 1 to 256 lines."
                .formatted(file, names.size()));
      }
      return names;
    } catch (IOException e) {
      throw new DataException("Cannot read %s: %s.".formatted(file, DataFile.reason(e)), e);
    }
  }

  /** The file of a split under any of its usual names, or null. */
  private static @Nullable Path find(Path folder, String split, boolean pictures) {
    String kind = pictures ? "images" : "labels";
    String rank = pictures ? "idx3-ubyte" : "idx1-ubyte";
    for (String separator : List.of("-", ".")) {
      for (String suffix : List.of("", ".gz")) {
        Path path = folder.resolve(split + "-" + kind + separator + rank + suffix);
        if (Files.exists(path)) {
          return path;
        }
      }
    }
    return null;
  }

  private static IdxDataset openSplit(Path folder, String split, List<String> classes) {
    Path picturePath = find(folder, split, true);
    Path labelPath = find(folder, split, false);
    if (picturePath == null || labelPath == null) {
      throw new DataException(
          "%s has no %s-%s-ubyte file (plain or .gz); an IDX data set needs pictures and"
                  .formatted(folder, split, picturePath == null ? "images-idx3" : "labels-idx1")
              + " labels of both splits.");
    }
    IdxFile file = IdxFile.open(picturePath, 3);
    List<Integer> dimensions = file.dimensions();
    int height = dimensions.get(1);
    int width = dimensions.get(2);
    DataFile pictures = new DataFile(picturePath, file.channel(), height * width);
    try {
      byte[] labels = readLabels(labelPath, picturePath, dimensions.get(0), classes);
      return new IdxDataset(pictures, file.headerBytes(), height, width, labels, classes);
    } catch (DataException e) {
      pictures.close();
      throw e;
    }
  }

  private static byte[] readLabels(Path path, Path picturePath, int count, List<String> classes) {
    IdxFile file = IdxFile.open(path, 1);
    int labelCount = file.dimensions().getFirst();
    try (DataFile data = new DataFile(path, file.channel(), labelCount)) {
      if (labelCount != count) {
        throw new DataException(
            "%s holds %d pictures but %s holds %d labels; the files do not belong together."
                .formatted(picturePath, count, path, labelCount));
      }
      byte[] labels = data.read(file.headerBytes()).bytes().toArray(JAVA_BYTE);
      for (int i = 0; i < labels.length; i++) {
        int label = labels[i] & 0xFF;
        if (label >= classes.size()) {
          throw new DataException(
              "%s has label %d for picture %d, but labels are 0 to %d; it is damaged, or has"
                      .formatted(path, label, i, classes.size() - 1)
                  + " classes that a file classes.txt beside it must name, one a line.");
        }
      }
      return labels;
    }
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public int height() {
    return height;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int channels() {
    return 1;
  }

  @Override
  public List<String> classNames() {
    return classNames;
  }

  @Override
  public int label(int index) {
    return labels[index] & 0xFF;
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    Objects.checkIndex(index, labels.length);
    int bytes = pictureBytes();
    DataFile.Scratch record = pictures.read(headerBytes + (long) index * bytes);
    try {
      MemorySegment.copy(record.bytes(), 0, target, offset, bytes);
    } finally {
      pictures.giveBack(record);
    }
  }

  @Override
  public void close() {
    pictures.close();
  }
}
