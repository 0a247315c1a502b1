package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.pictures.PictureDecoder;
import dev.nibble.engine.data.pictures.PictureFormat;
import dev.nibble.engine.data.random.EpochOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the splits, classes and pictures of a folder laid out as {@code <split>/<class>/<picture>},
 * or as {@code <class>/<picture>}, which is parted by itself. Folders within a class folder belong
 * to the class.
 */
final class ImageFolder {
  private static final String LAYOUT =
      "an image folder is laid out as train/<class>/*.jpg|png|... and test/<class>/..., or as"
          + " <class>/*.jpg|png|...";

  private static final String TRAIN = "train";
  private static final String TEST = "test";
  private static final List<String> VALIDATION = List.of("val", "valid", "validation");
  private static final double TRAIN_SHARE = 0.8;
  private static final int EXAMPLES = 3;

  private final Path folder;
  private final String name;
  private final DataOptions options;
  private final List<String> notes = new ArrayList<>();

  private ImageFolder(Path folder, String name, DataOptions options) {
    this.folder = folder;
    this.name = name;
    this.options = options;
  }

  /** Whether a folder looks like an image folder with splits. */
  static boolean isOne(Path folder) {
    return Files.isDirectory(folder.resolve(TRAIN));
  }

  /** Whether a folder looks like one of class folders: at least two of them hold pictures. */
  static boolean isFlat(Path folder) {
    return FolderTree.holdsClasses(folder, 2);
  }

  /**
   * Opens the training split, the test split and, if there is one, the validation split, which must
   * agree in classes.
   *
   * @throws DataException if there is none, or pictures of it are unreadable, naming them all
   */
  static DataSplits open(Path folder, String name, DataOptions options) {
    return new ImageFolder(folder, name, options).open();
  }

  /** Parts a folder of class folders: four pictures of five are for training. */
  static DataSplits openFlat(Path folder, String name, DataOptions options) {
    return new ImageFolder(folder, name, options).openFlat();
  }

  private DataSplits open() {
    Path train = folder.resolve(TRAIN);
    Path validation = find(VALIDATION);
    Path test = find(List.of(TEST));
    if (test == null && validation != null) {
      notes.add(
          "%s has no folder test: %s is tested on, and evaluated after each epoch, too."
              .formatted(folder, validation.getFileName()));
      test = validation;
      validation = null;
    }
    if (test == null) {
      throw new DataException(
          "%s has a folder train but no folder test; %s.".formatted(folder, LAYOUT));
    }
    FolderTree trainTree = new FolderTree(train);
    checkClasses(train, trainTree);
    FolderTree testTree = tree(test, train, trainTree);
    FolderTree validationTree = validation == null ? null : tree(validation, train, trainTree);
    noteRest(
        validationTree == null
            ? List.of(trainTree, testTree)
            : List.of(trainTree, testTree, validationTree));
    return open(
        trainTree.classes(),
        trainTree.pictures(),
        testTree.pictures(),
        validationTree == null ? null : validationTree.pictures());
  }

  private @Nullable Path find(List<String> names) {
    return names.stream().map(folder::resolve).filter(Files::isDirectory).findFirst().orElse(null);
  }

  private static FolderTree tree(Path split, Path train, FolderTree trainTree) {
    FolderTree tree = new FolderTree(split);
    checkClasses(split, tree);
    if (!trainTree.classes().equals(tree.classes())) {
      throw new DataException(
          "The class folders under %s and %s differ: %s."
              .formatted(train, split, difference(trainTree.classes(), tree.classes(), split)));
    }
    return tree;
  }

  private DataSplits openFlat() {
    FolderTree tree = new FolderTree(folder);
    List<String> classes = new ArrayList<>(tree.classes());
    classes.removeAll(tree.empty());
    List<List<Path>> train = new ArrayList<>();
    List<List<Path>> test = new ArrayList<>();
    int[] counts = new int[2];
    for (List<Path> pictures : tree.pictures()) {
      if (pictures.isEmpty()) {
        continue; // other things than classes may lie here
      }
      boolean[] isTest = testPictures(pictures.size());
      List<Path> trainOfClass = new ArrayList<>();
      List<Path> testOfClass = new ArrayList<>();
      for (int i = 0; i < pictures.size(); i++) {
        (isTest[i] ? testOfClass : trainOfClass).add(pictures.get(i));
      }
      train.add(trainOfClass);
      test.add(testOfClass);
      counts[0] += trainOfClass.size();
      counts[1] += testOfClass.size();
    }
    if (counts[1] == 0) {
      throw new DataException(
          "Each class folder of %s holds a single picture, so none is left to test on; add more."
              .formatted(folder));
    }
    notes.add(
        "%s has no folders train and test: of every class, four pictures of five are trained on and"
                .formatted(folder)
            + " the others tested on (%d and %d in all), always the same ones."
                .formatted(counts[0], counts[1]));
    if (!tree.empty().isEmpty()) {
      notes.add(
          "Left out folders without pictures: %s.".formatted(String.join(", ", tree.empty())));
    }
    noteRest(List.of(tree));
    return open(classes, train, test, null);
  }

  /** Which of a class's pictures are for testing: the same whatever other classes there are. */
  private boolean[] testPictures(int count) {
    boolean[] isTest = new boolean[count];
    if (count < 2) {
      return isTest;
    }
    int[] order = new int[count];
    EpochOrder.permutation(options.seed(), 0, order);
    int forTraining = Math.clamp(Math.round(TRAIN_SHARE * count), 1, count - 1);
    for (int i = forTraining; i < count; i++) {
      isTest[order[i]] = true;
    }
    return isTest;
  }

  private DataSplits open(
      List<String> classes,
      List<List<Path>> trainFiles,
      List<List<Path>> testFiles,
      @Nullable List<List<Path>> validationFiles) {
    if (!options.skipUnreadable()) {
      checkHeaders(
          validationFiles == null
              ? List.of(trainFiles, testFiles)
              : List.of(trainFiles, testFiles, validationFiles));
    }
    PictureSize wanted = options.imageSize();
    PictureSize size =
        wanted != null ? wanted : ImageFolderDataset.sizeOfFirst(trainFiles, options);
    List<Dataset> opened = new ArrayList<>();
    try {
      opened.add(ImageFolderDataset.open("training", classes, trainFiles, size, options));
      opened.add(ImageFolderDataset.open(TEST, classes, testFiles, size, options));
      if (validationFiles != null) {
        opened.add(ImageFolderDataset.open("validation", classes, validationFiles, size, options));
      }
      return new DataSplits(
          opened.get(0), opened.get(1), name, notes, opened.size() > 2 ? opened.get(2) : null);
    } catch (RuntimeException | Error e) {
      opened.forEach(Dataset::close);
      throw e;
    }
  }

  /** Names all unreadable pictures at once: a run should not end on the next one every time. */
  private static void checkHeaders(List<List<List<Path>>> splits) {
    BadPictures bad = new BadPictures();
    splits.stream()
        .flatMap(List::stream)
        .flatMap(List::stream)
        .forEach(path -> bad.add(path.toString(), PictureDecoder.fault(path)));
    bad.check();
  }

  private static String difference(List<String> train, List<String> other, Path split) {
    List<String> onlyTrain = new ArrayList<>(train);
    onlyTrain.removeAll(other);
    List<String> onlyOther = new ArrayList<>(other);
    onlyOther.removeAll(train);
    return "only in train %s, only in %s %s".formatted(onlyTrain, split.getFileName(), onlyOther);
  }

  private static void checkClasses(Path split, FolderTree tree) {
    if (tree.classes().isEmpty()) {
      throw new DataException("%s has no class folders; %s.".formatted(split, LAYOUT));
    }
    if (!tree.empty().isEmpty()) {
      throw new DataException(
          "%s has no %s files; remove the folder or fill it."
              .formatted(
                  split.resolve(tree.empty().getFirst()),
                  String.join(", ", PictureFormat.SUFFIXES)));
    }
  }

  /** Says what a folder holds that is not used. */
  private void noteRest(List<FolderTree> trees) {
    List<Path> outside = trees.stream().map(FolderTree::outside).flatMap(List::stream).toList();
    List<Path> others = trees.stream().map(FolderTree::others).flatMap(List::stream).toList();
    if (!outside.isEmpty()) {
      notes.add(
          "Left out %s in no class folder: %s."
              .formatted(
                  outside.size() == 1
                      ? "1 picture that lies"
                      : outside.size() + " pictures that lie",
                  examples(outside)));
    }
    if (!others.isEmpty()) {
      notes.add(
          "Left out %s not called like pictures (%s): %s."
              .formatted(
                  others.size() == 1 ? "1 file that is" : others.size() + " files that are",
                  String.join(", ", PictureFormat.SUFFIXES),
                  examples(others)));
    }
  }

  private String examples(List<Path> files) {
    String some =
        String.join(
            ", ",
            files.stream().limit(EXAMPLES).map(f -> folder.relativize(f).toString()).toList());
    return files.size() > EXAMPLES ? some + ", ..." : some;
  }
}
