package dev.nibble.engine.data.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Files that live no longer than the channel that opened them. */
public final class TemporaryFile {
  private TemporaryFile() {}

  /**
   * Opens an empty file in the system's temporary folder; it is deleted when the channel closes.
   */
  public static FileChannel open() throws IOException {
    Path path = Files.createTempFile("nibble-", ".data");
    try {
      return FileChannel.open(
          path,
          StandardOpenOption.READ,
          StandardOpenOption.WRITE,
          StandardOpenOption.DELETE_ON_CLOSE);
    } catch (IOException e) {
      Files.deleteIfExists(path);
      throw e;
    }
  }
}
