package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.pictures.PictureDecoder;
import dev.nibble.engine.data.random.EpochOrder;
import dev.nibble.engine.data.sources.LabelTable.Entry;
import dev.nibble.engine.data.sources.LabelTable.Part;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A folder of pictures with a table of what is told of them. */
final class LabelledFolder {
  private static final double TRAIN_SHARE = 0.8;

  private final Path folder;
  private final Path table;
  private final LabelTable labels;
  private final DataOptions options;
  private final List<String> notes = new ArrayList<>();

  private LabelledFolder(Path folder, Path table, DataOptions options) {
    this.folder = folder;
    this.table = table;
    this.options = options;
    this.labels = LabelTable.read(table, options.task());
  }

  /**
   * Opens the splits that the table's column {@code split} or the files' first folders name; if
   * neither does so for all pictures, four of five are for training and the others for testing.
   *
   * @throws DataException if a picture is missing or unreadable, or a split has none
   */
  static DataSplits open(Path folder, String name, Path table, DataOptions options) {
    return new LabelledFolder(folder, table, options).open(name);
  }

  private DataSplits open(String name) {
    List<Entry> train = new ArrayList<>();
    List<Entry> test = new ArrayList<>();
    List<Entry> validation = new ArrayList<>();
    boolean told = labels.entries().stream().allMatch(e -> LabelTable.partOf(e) != null);
    if (told) {
      for (Entry entry : labels.entries()) {
        (LabelTable.isFor(entry, Part.TRAIN)
                ? train
                : LabelTable.isFor(entry, Part.TEST) ? test : validation)
            .add(entry);
      }
    } else {
      part(train, test);
    }
    if (test.isEmpty() && !validation.isEmpty()) {
      notes.add(
          "%s names no test pictures: the validation pictures are tested on, and evaluated after each epoch, too."
              .formatted(table));
      test.addAll(validation);
      validation.clear();
    }
    if (train.isEmpty() || test.isEmpty()) {
      throw new DataException(
          "%s names no %s pictures.".formatted(table, train.isEmpty() ? "training" : "test"));
    }
    warnOfScale(train);
    return open(name, train, test, validation);
  }

  private void part(List<Entry> train, List<Entry> test) {
    int count = labels.entries().size();
    if (count < 2) {
      throw new DataException(table + " names a single picture, so none is left to test on.");
    }
    boolean[] isTest = new boolean[count];
    int[] order = new int[count];
    EpochOrder.permutation(options.seed(), 0, order);
    for (int i = Math.clamp(Math.round(TRAIN_SHARE * count), 1, count - 1); i < count; i++) {
      isTest[order[i]] = true;
    }
    for (int i = 0; i < count; i++) {
      (isTest[i] ? test : train).add(labels.entries().get(i));
    }
    notes.add(
        "%s has no column split: four pictures of five are trained on and the others tested on (%d and %d), always the same ones."
            .formatted(table, train.size(), test.size()));
  }

  /** Numbers far from 1 take long to learn, or diverge. */
  private void warnOfScale(List<Entry> train) {
    for (int i = 0; options.task() == Task.REGRESSION && i < labels.names().size(); i++) {
      double squares = 0;
      for (Entry entry : train) {
        squares += (double) entry.targets()[i] * entry.targets()[i];
      }
      double size = Math.sqrt(squares / train.size());
      if (size > 10 || (size > 0 && size < 0.1)) {
        notes.add(
            "The values '%s' are about %.3g: training goes best where they are about 1, so scale them in %s."
                .formatted(labels.names().get(i), size, table));
      }
    }
  }

  private DataSplits open(
      String name, List<Entry> train, List<Entry> test, List<Entry> validation) {
    if (!options.skipUnreadable()) {
      BadPictures bad = new BadPictures();
      for (List<Entry> split : List.of(train, test, validation)) {
        for (Entry entry : split) {
          bad.add(path(entry).toString(), PictureDecoder.fault(path(entry)));
        }
      }
      bad.check();
    }
    PictureSize wanted = options.imageSize();
    PictureSize size =
        wanted != null ? wanted : ImageFolderDataset.sizeOfFirst(List.of(paths(train)), options);
    List<Dataset> opened = new ArrayList<>();
    try {
      opened.add(open("training", train, size));
      opened.add(open("test", test, size));
      @Nullable Dataset held = validation.isEmpty() ? null : open("validation", validation, size);
      if (held != null) {
        opened.add(held);
      }
      return new DataSplits(opened.get(0), opened.get(1), name, notes, held);
    } catch (RuntimeException | Error e) {
      opened.forEach(Dataset::close);
      throw e;
    }
  }

  private Dataset open(String split, List<Entry> entries, PictureSize size) {
    ImageFolderDataset pictures =
        ImageFolderDataset.open(split, List.of(""), List.of(paths(entries)), size, options);
    return new LabelledPictures(pictures, labels.names(), options.task(), paths(entries), entries);
  }

  private List<Path> paths(List<Entry> entries) {
    return entries.stream().map(this::path).toList();
  }

  private Path path(Entry entry) {
    try {
      Path path = folder.resolve(entry.file());
      if (Files.isRegularFile(path) || options.skipUnreadable()) {
        return path;
      }
      throw labels.fault(entry.line(), "there is no picture " + path);
    } catch (InvalidPathException e) {
      throw new DataException(
          "%s, line %d: '%s' is no file's name.".formatted(table, entry.line(), entry.file()), e);
    }
  }
}
