package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.pictures.PictureFormat;
import dev.nibble.engine.data.storage.DataFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The class folders of a split and the pictures in and below each, with a count of what else is
 * there. Hidden files do not count. All is sorted by name: the system's own order differs between
 * machines.
 */
final class FolderTree {
  private final List<String> classes = new ArrayList<>();
  private final List<List<Path>> pictures = new ArrayList<>();
  private final List<String> empty = new ArrayList<>();
  private final List<Path> others = new ArrayList<>();
  private final List<Path> outside = new ArrayList<>();

  /** Reads the names of a folder's files; opens none. */
  FolderTree(Path split) {
    for (Path entry : list(split)) {
      if (Files.isDirectory(entry)) {
        addClass(entry);
      } else {
        (isPicture(entry) ? outside : others).add(entry);
      }
    }
  }

  private void addClass(Path folder) {
    List<Path> found = new ArrayList<>();
    for (Path file : below(folder)) {
      (isPicture(file) ? found : others).add(file);
    }
    classes.add(nameOf(folder));
    pictures.add(found);
    if (found.isEmpty()) {
      empty.add(nameOf(folder));
    }
  }

  /** Whether so many folders of a folder hold pictures, not deep below; looks no further. */
  static boolean holdsClasses(Path folder, int wanted) {
    int found = 0;
    for (Path entry : list(folder)) {
      found += Files.isDirectory(entry) && holdsPicture(entry) ? 1 : 0;
      if (found == wanted) {
        return true;
      }
    }
    return false;
  }

  private static boolean holdsPicture(Path folder) {
    try (Stream<Path> near = Files.walk(folder, 2)) {
      return near.anyMatch(FolderTree::isPicture);
    } catch (IOException | UncheckedIOException e) {
      return false; // a folder that may not be looked into is no class
    }
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(path -> !nameOf(path).startsWith("."))
          .sorted((a, b) -> nameOf(a).compareTo(nameOf(b)))
          .toList();
    } catch (IOException e) {
      throw unlisted(folder, e);
    }
  }

  /** The files in and below a folder, but for hidden ones and those in hidden folders. */
  private static List<Path> below(Path folder) {
    try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return all.filter(path -> !Files.isDirectory(path))
          .filter(path -> !isHidden(folder.relativize(path)))
          .sorted((a, b) -> a.toString().compareTo(b.toString()))
          .toList();
    } catch (UncheckedIOException | IOException e) {
      throw unlisted(folder, e);
    }
  }

  private static boolean isHidden(Path path) {
    for (Path part : path) {
      if (nameOf(part).startsWith(".")) {
        return true;
      }
    }
    return false;
  }

  private static DataException unlisted(Path folder, Exception e) {
    Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
    String reason =
        cause instanceof FileSystemLoopException loop
            ? loop.getFile() + " is a link to a folder around it"
            : DataFile.reason(e);
    return new DataException("Cannot list the folder %s: %s.".formatted(folder, reason), e);
  }

  private static boolean isPicture(Path path) {
    return PictureFormat.isNamedSo(nameOf(path));
  }

  private static String nameOf(Path path) {
    return String.valueOf(path.getFileName());
  }

  /** The names of the class folders, empty ones among them. */
  List<String> classes() {
    return classes;
  }

  /** The pictures of each class. */
  List<List<Path>> pictures() {
    return pictures;
  }

  /** Class folders without a picture. */
  List<String> empty() {
    return empty;
  }

  /** Files that are not called like pictures. */
  List<Path> others() {
    return others;
  }

  /** Pictures that lie beside the class folders. */
  List<Path> outside() {
    return outside;
  }
}
