package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.storage.DataFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Pictures of the CIFAR binary releases (Krizhevsky 2009): records of one or two label bytes, then
 * 1,024 red, 1,024 green and 1,024 blue bytes, row-major.
 */
final class CifarDataset implements Dataset {
  private static final int SIDE = 32;
  private static final int PLANE = SIDE * SIDE;
  private static final int CHANNELS = 3;

  private final List<DataFile> files;
  private final int[] firstPicture;
  private final byte[] labels;
  private final List<String> classNames;
  private final int labelBytes;

  private CifarDataset(
      List<DataFile> files,
      int[] firstPicture,
      byte[] labels,
      List<String> classNames,
      int labelBytes) {
    this.files = files;
    this.firstPicture = firstPicture;
    this.labels = labels;
    this.classNames = classNames;
    this.labelBytes = labelBytes;
  }

  /** Whether a folder looks like the CIFAR-10 binary release. */
  static boolean isCifar10(Path folder) {
    return Files.exists(folder.resolve("data_batch_1.bin"))
        || Files.exists(folder.resolve("test_batch.bin"));
  }

  /** Whether a folder looks like the CIFAR-100 binary release. */
  static boolean isCifar100(Path folder) {
    return Files.exists(folder.resolve("fine_label_names.txt"))
        || (Files.exists(folder.resolve("train.bin")) && Files.exists(folder.resolve("test.bin")));
  }

  /**
   * Opens the CIFAR-10 binary release: 5 training files and 1 test file of 10,000 pictures each.
   */
  static DataSplits openCifar10(Path folder, String name) {
    List<Path> train = new ArrayList<>();
    for (int i = 1; i <= 5; i++) {
      train.add(folder.resolve("data_batch_" + i + ".bin"));
    }
    List<String> names = names(folder.resolve("batches.meta.txt"), 10);
    return open(train, folder.resolve("test_batch.bin"), names, 1, 10_000, 10_000, name);
  }

  /** Opens the CIFAR-100 binary release: 50,000 and 10,000 pictures with coarse and fine labels. */
  static DataSplits openCifar100(Path folder, String name) {
    List<String> names = names(folder.resolve("fine_label_names.txt"), 100);
    Path train = folder.resolve("train.bin");
    return open(List.of(train), folder.resolve("test.bin"), names, 2, 50_000, 10_000, name);
  }

  private static DataSplits open(
      List<Path> train,
      Path test,
      List<String> names,
      int labelBytes,
      int trainSize,
      int testSize,
      String name) {
    CifarDataset trainSet = open(train, names, labelBytes);
    try {
      CifarDataset testSet = open(List.of(test), names, labelBytes);
      try {
        checkComplete(trainSet, testSet, trainSize, testSize);
        return new DataSplits(trainSet, testSet, name);
      } catch (DataException e) {
        testSet.close();
        throw e;
      }
    } catch (DataException e) {
      trainSet.close();
      throw e;
    }
  }

  /**
   * A file cut at a record's end cannot be told from a smaller data set by itself; but where one
   * file has the official size, all must have it.
   */
  private static void checkComplete(
      CifarDataset train, CifarDataset test, int trainSize, int testSize) {
    boolean official = test.size() == testSize;
    for (int i = 0; i < train.files.size(); i++) {
      official |= train.picturesIn(i) == trainSize;
    }
    if (!official) {
      return;
    }
    for (int i = 0; i < train.files.size(); i++) {
      checkCount(train.files.get(i).path(), train.picturesIn(i), trainSize);
    }
    checkCount(test.files.getFirst().path(), test.size(), testSize);
  }

  private static void checkCount(Path path, int pictures, int expected) {
    if (pictures != expected) {
      throw new DataException(
          "%s holds %d pictures where the official file holds %d; it is incomplete, fetch it again."
              .formatted(path, pictures, expected));
    }
  }

  private static CifarDataset open(List<Path> paths, List<String> names, int labelBytes) {
    int recordBytes = labelBytes + CHANNELS * PLANE;
    List<DataFile> files = new ArrayList<>();
    try {
      int[] first = new int[paths.size() + 1];
      for (int i = 0; i < paths.size(); i++) {
        DataFile file = DataFile.open(paths.get(i), recordBytes);
        files.add(file);
        first[i + 1] = Math.addExact(first[i], records(file, recordBytes));
      }
      byte[] labels = new byte[first[paths.size()]];
      for (int i = 0; i < files.size(); i++) {
        scanLabels(files.get(i), labels, first[i], first[i + 1], names.size(), labelBytes);
      }
      return new CifarDataset(List.copyOf(files), first, labels, names, labelBytes);
    } catch (DataException e) {
      files.forEach(DataFile::close);
      throw e;
    }
  }

  private static int records(DataFile file, int recordBytes) {
    long bytes = file.bytes();
    if (bytes == 0) {
      throw new DataException("%s is empty; fetch it again.".formatted(file.path()));
    }
    if (bytes % recordBytes != 0 || bytes / recordBytes > 1_000_000) {
      throw new DataException(
          "%s has %d bytes, which is not a whole number of %d-byte records (up to 1,000,000); it is"
                  .formatted(file.path(), bytes, recordBytes)
              + " cut or not a CIFAR file, fetch it again.");
    }
    return (int) (bytes / recordBytes);
  }

  private static void scanLabels(
      DataFile file, byte[] labels, int from, int to, int classes, int labelBytes) {
    int recordBytes = labelBytes + CHANNELS * PLANE;
    for (int i = from; i < to; i++) {
      long position = (long) (i - from) * recordBytes;
      DataFile.Scratch record = file.read(position);
      // The last label byte is the one used: CIFAR-100 puts the coarse label before the fine one.
      int label = record.bytes().get(JAVA_BYTE, labelBytes - 1) & 0xFF;
      file.giveBack(record);
      if (label >= classes) {
        throw new DataException(
            "%s has label %d at byte %d (picture %d), but labels are 0 to %d; the file is damaged."
                .formatted(file.path(), label, position + labelBytes - 1, i - from, classes - 1));
      }
      labels[i] = (byte) label;
    }
  }

  private static List<String> names(Path path, int classes) {
    List<String> names;
    try {
      names =
          Files.readAllLines(path, StandardCharsets.ISO_8859_1).stream()
              .map(String::strip)
              .filter(line -> !line.isEmpty())
              .toList();
    } catch (IOException e) {
      throw new DataException(
          "Cannot read the class names in %s: %s.".formatted(path, DataFile.reason(e)), e);
    }
    if (names.size() != classes) {
      throw new DataException(
          "%s names %d classes, but there must be %d, one a line."
              .formatted(path, names.size(), classes));
    }
    return names;
  }

  private int picturesIn(int file) {
    return firstPicture[file + 1] - firstPicture[file];
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public int height() {
    return SIDE;
  }

  @Override
  public int width() {
    return SIDE;
  }

  @Override
  public int channels() {
    return CHANNELS;
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
    int f = 0;
    while (index >= firstPicture[f + 1]) {
      f++;
    }
    DataFile file = files.get(f);
    long position = (long) (index - firstPicture[f]) * (labelBytes + CHANNELS * PLANE);
    DataFile.Scratch record = file.read(position);
    try {
      interleave(record.bytes(), labelBytes, target, offset);
    } finally {
      file.giveBack(record);
    }
  }

  private static void interleave(MemorySegment planes, int start, MemorySegment target, long at) {
    Objects.checkFromIndexSize(at, (long) CHANNELS * PLANE, target.byteSize());
    for (int i = 0; i < PLANE; i++) {
      long pixel = at + (long) CHANNELS * i;
      target.set(JAVA_BYTE, pixel, planes.get(JAVA_BYTE, start + i));
      target.set(JAVA_BYTE, pixel + 1, planes.get(JAVA_BYTE, start + PLANE + i));
      target.set(JAVA_BYTE, pixel + 2, planes.get(JAVA_BYTE, start + 2 * PLANE + i));
    }
  }

  @Override
  public void close() {
    files.forEach(DataFile::close);
  }
}
