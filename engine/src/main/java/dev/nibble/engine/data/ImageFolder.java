package dev.nibble.engine.data;

import dev.nibble.engine.data.pictures.PictureFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

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
  private static final List<String> TEST = List.of("test", "val", "valid", "validation");
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
   * Opens the training split and the test split, which must agree in classes.
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
    Path test =
        TEST.stream()
            .map(folder::resolve)
            .filter(Files::isDirectory)
            .findFirst()
            .orElseThrow(
                () ->
                    new DataException(
                        "%s has a folder train but no folder test; %s.".formatted(folder, LAYOUT)));
    FolderTree trainTree = new FolderTree(train);
    FolderTree testTree = new FolderTree(test);
    checkClasses(train, trainTree);
    checkClasses(test, testTree);
    if (!trainTree.classes().equals(testTree.classes())) {
      throw new DataException(
          "The class folders under %s and %s differ: %s."
              .formatted(train, test, difference(trainTree.classes(), testTree.classes())));
    }
    noteRest(List.of(trainTree, testTree));
    return open(trainTree.classes(), trainTree.pictures(), testTree.pictures());
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
    return open(classes, train, test);
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
      List<String> classes, List<List<Path>> trainFiles, List<List<Path>> testFiles) {
    if (!options.skipUnreadable()) {
      checkHeaders(trainFiles, testFiles);
    }
    PictureSize wanted = options.imageSize();
    PictureSize size =
        wanted != null ? wanted : ImageFolderDataset.sizeOfFirst(trainFiles, options);
    ImageFolderDataset train =
        ImageFolderDataset.open("training", classes, trainFiles, size, options);
    try {
      ImageFolderDataset test = ImageFolderDataset.open("test", classes, testFiles, size, options);
      return new DataSplits(train, test, name, notes);
    } catch (RuntimeException | Error e) {
      train.close();
      throw e;
    }
  }

  /** Names all unreadable pictures at once: a run should not end on the next one every time. */
  private static void checkHeaders(List<List<Path>> train, List<List<Path>> test) {
    BadPictures bad = new BadPictures();
    Stream.of(train, test)
        .flatMap(List::stream)
        .flatMap(List::stream)
        .forEach(path -> bad.add(path.toString(), PictureDecoder.fault(path)));
    bad.check();
  }

  private static String difference(List<String> train, List<String> test) {
    List<String> onlyTrain = new ArrayList<>(train);
    onlyTrain.removeAll(test);
    List<String> onlyTest = new ArrayList<>(test);
    onlyTest.removeAll(train);
    return "only in train %s, only in test %s".formatted(onlyTrain, onlyTest);
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
          "Left out %d pictures that lie in no class folder: %s."
              .formatted(outside.size(), examples(outside)));
    }
    if (!others.isEmpty()) {
      notes.add(
          "Left out %d files that are not called like pictures (%s): %s."
              .formatted(
                  others.size(), String.join(", ", PictureFormat.SUFFIXES), examples(others)));
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
