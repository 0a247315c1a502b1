package dev.nibble.engine.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Finds the splits, classes and pictures of a folder laid out as {@code <split>/<class>/<picture>}.
 */
final class ImageFolder {
  private static final String LAYOUT =
      "an image folder is laid out as train/<class>/*.jpg|jpeg|png and test/<class>/...";

  private ImageFolder() {}

  /** Whether a folder looks like an image folder. */
  static boolean isOne(Path folder) {
    return Files.isDirectory(folder.resolve("train"));
  }

  /**
   * Opens the training split and the test split (named test or val), which must agree in classes.
   */
  static DataSplits open(Path folder, String name, DataOptions options) {
    Path train = folder.resolve("train");
    Path test = folder.resolve(Files.isDirectory(folder.resolve("test")) ? "test" : "val");
    if (!Files.isDirectory(test)) {
      throw new DataException(
          "%s has a folder train but no folder test; %s.".formatted(folder, LAYOUT));
    }
    List<String> classes = classes(train);
    List<String> testClasses = classes(test);
    if (!classes.equals(testClasses)) {
      throw new DataException(
          "The class folders under %s and %s differ: %s."
              .formatted(train, test, difference(classes, testClasses)));
    }
    List<List<Path>> trainFiles = files(train, classes);
    List<List<Path>> testFiles = files(test, classes);
    boolean skip = options.skipUnreadable();
    PictureSize wanted = options.imageSize();
    PictureSize size = wanted != null ? wanted : ImageFolderDataset.sizeOfFirst(trainFiles, skip);
    ImageFolderDataset trainSet = ImageFolderDataset.open(train, classes, trainFiles, size, skip);
    try {
      return new DataSplits(
          trainSet, ImageFolderDataset.open(test, classes, testFiles, size, skip), name);
    } catch (DataException e) {
      trainSet.close();
      throw e;
    }
  }

  private static String difference(List<String> train, List<String> test) {
    List<String> onlyTrain = new ArrayList<>(train);
    onlyTrain.removeAll(test);
    List<String> onlyTest = new ArrayList<>(test);
    onlyTest.removeAll(train);
    return "only in train %s, only in test %s".formatted(onlyTrain, onlyTest);
  }

  private static List<String> classes(Path split) {
    List<String> classes =
        list(split).stream().filter(Files::isDirectory).map(ImageFolder::nameOf).toList();
    if (classes.isEmpty()) {
      throw new DataException("%s has no class folders; %s.".formatted(split, LAYOUT));
    }
    return classes;
  }

  private static List<List<Path>> files(Path split, List<String> classes) {
    List<List<Path>> files = new ArrayList<>();
    for (String name : classes) {
      List<Path> pictures =
          list(split.resolve(name)).stream().filter(ImageFolder::isPicture).toList();
      if (pictures.isEmpty()) {
        throw new DataException(
            "%s has no .jpg, .jpeg or .png files; remove the folder or fill it."
                .formatted(split.resolve(name)));
      }
      files.add(pictures);
    }
    return files;
  }

  private static boolean isPicture(Path path) {
    String name = nameOf(path).toLowerCase(Locale.ROOT);
    return (name.endsWith(".jpg") || name.endsWith(".jpeg") || name.endsWith(".png"))
        && !Files.isDirectory(path);
  }

  /**
   * What a folder holds, hidden files apart, by name: the system's own order differs between
   * machines.
   */
  private static List<Path> list(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(path -> !nameOf(path).startsWith("."))
          .sorted((a, b) -> nameOf(a).compareTo(nameOf(b)))
          .toList();
    } catch (IOException e) {
      throw new DataException(
          "Cannot list the folder %s: %s.".formatted(folder, DataFile.reason(e)), e);
    }
  }

  private static String nameOf(Path path) {
    return String.valueOf(path.getFileName());
  }
}
