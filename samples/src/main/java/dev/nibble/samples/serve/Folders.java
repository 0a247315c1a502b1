package dev.nibble.samples.serve;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Makes folders, and makes durable which names are in them: forcing a file does not do that. */
final class Folders {
  private Folders() {}

  /** The folder that a file is in. */
  static Path of(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file : parent;
  }

  /**
   * Returns once the names in a folder, new and gone, would survive a loss of power.
   *
   * @throws IOException if the disk fails
   */
  static void force(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /**
   * Makes a folder, and those above it that are missing, for good.
   *
   * @throws IOException if that cannot be done
   */
  static void create(Path folder) throws IOException {
    List<Path> changed = changedBy(folder);
    Files.createDirectories(folder);
    for (Path each : changed) {
      force(each);
    }
  }

  /** The folders that get a new name if this one is made, the deepest first. */
  static List<Path> changedBy(Path folder) {
    List<Path> changed = new ArrayList<>();
    Path at = folder.toAbsolutePath();
    while (!Files.exists(at)) {
      at = of(at);
      changed.add(at);
    }
    return changed;
  }
}
