package dev.nibble.engine.data.parquet;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Finds the files of the two splits and makes data sets of them. */
final class ParquetFolder {
  /** As in train-00000-of-00002.parquet. */
  private static final Pattern SHARD = Pattern.compile(".*-(\\d{1,9})-of-(\\d{1,9})\\.parquet");

  private static final int MOST_CLASSES = 100_000;

  private ParquetFolder() {}

  /** The files of a split, by name: {@code split.parquet} or {@code split-*.parquet}. */
  static List<Path> files(Path folder, String split) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(path -> nameOf(path).matches(split + "([-._].*)?\\.parquet"))
          .sorted((a, b) -> nameOf(a).compareTo(nameOf(b)))
          .toList();
    } catch (IOException e) {
      throw new DataException(
          "Cannot list the folder %s: %s.".formatted(folder, ParquetFile.reason(e)), e);
    }
  }

  private static String nameOf(Path path) {
    return String.valueOf(path.getFileName());
  }

  static DataSplits open(Path folder, String name, DataOptions options) {
    List<Path> train = complete(files(folder, "train"));
    List<Path> test = complete(files(folder, "test"));
    if (test.isEmpty()) {
      test = complete(files(folder, "validation"));
    }
    if (test.isEmpty()) {
      throw new DataException(
          "%s has files train-*.parquet, but none named test-*.parquet.".formatted(folder));
    }
    List<String> classes = classes(train, test, options.labelColumn());
    PictureReader pictures = new PictureReader(classes, options);
    Dataset trainSet = pictures.read(train);
    try {
      DataSplits splits = new DataSplits(trainSet, pictures.read(test), name);
      try {
        pictures.checkAll();
        return splits;
      } catch (DataException e) {
        splits.test().close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      trainSet.close();
      throw e;
    }
  }

  /** Files that say how many there are must all be there. */
  private static List<Path> complete(List<Path> files) {
    for (Path file : files) {
      Matcher shard = SHARD.matcher(nameOf(file));
      if (shard.matches() && Integer.parseInt(shard.group(2)) != files.size()) {
        throw new DataException(
            "%s is one of %d files, but %d are there: fetch all of them, and nothing else."
                .formatted(file, Integer.parseInt(shard.group(2)), files.size()));
      }
    }
    return files;
  }

  /** The names that the first file gives, or else numbers up to the largest label. */
  private static List<String> classes(
      List<Path> train, List<Path> test, @Nullable String labelColumn) {
    List<String> names = null;
    long largest = 0;
    for (Path path : Stream.concat(train.stream(), test.stream()).toList()) {
      try (ParquetFile file = ParquetFile.open(path, labelColumn)) {
        largest = Math.max(largest, checked(file, names));
        names = names == null ? file.classNames() : names;
      }
    }
    if (names != null && largest < names.size()) {
      return names;
    }
    return IntStream.rangeClosed(0, (int) largest).mapToObj(Integer::toString).toList();
  }

  private static long checked(ParquetFile file, @Nullable List<String> names) {
    long most = names == null ? MOST_CLASSES : names.size();
    long largest = 0;
    for (long label : file.labels()) {
      if (label < 0 || label >= most) {
        throw new DataException(
            "%s has label %d, but labels are 0 to %d.".formatted(file.path(), label, most - 1));
      }
      largest = Math.max(largest, label);
    }
    return largest;
  }
}
