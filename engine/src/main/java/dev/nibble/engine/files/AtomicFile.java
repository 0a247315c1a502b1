package dev.nibble.engine.files;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Writes a file whole or not at all: beside its place under a temporary name, forced to the disk,
 * then renamed.
 */
public final class AtomicFile {
  /** What writes the bytes. */
  @FunctionalInterface
  public interface Body {
    /**
     * Writes all bytes of the file.
     *
     * @throws IOException if they cannot be written
     */
    void writeTo(WritableByteChannel channel) throws IOException;
  }

  private AtomicFile() {}

  /** Returns the temporary name of a file: in the same folder, so that the rename is atomic. */
  public static Path temporary(Path file) {
    return file.resolveSibling(file.getFileName() + ".tmp");
  }

  /**
   * Writes a file, replacing the one that is there only once the new one is safe on the disk.
   *
   * @throws IOException if any part of that fails, or if what is there is no regular file; the old
   *     file is then as it was and no temporary one is left, unless only the folder could not be
   *     forced, when the new one is in place
   */
  public static void write(Disk disk, Path file, Body body) throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      // Renaming would put a file in the place of a device, /dev/null say.
      throw new FileSystemException(
          file.toString(), null, "it is a folder or a device, so choose another name");
    }
    Path temporary = temporary(file);
    try {
      try (Disk.Sink sink = disk.create(temporary)) {
        body.writeTo(sink);
        sink.force();
      }
      disk.rename(temporary, file);
    } catch (Throwable e) {
      delete(temporary, e);
      throw e;
    }
    disk.forceFolder(folder(file));
  }

  /** Returns the folder a file lies in. */
  public static Path folder(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file.toAbsolutePath() : parent;
  }

  /**
   * Says the reason of a failure in words: the bare file name that some exceptions carry is none.
   */
  public static String reason(IOException e) {
    String message = e.getMessage();
    if (e instanceof NoSuchFileException) {
      return "no such file or folder";
    }
    if (e instanceof AccessDeniedException) {
      return "access is denied";
    }
    if (e instanceof FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    if (e instanceof ClosedByInterruptException) {
      return "the thread was interrupted";
    }
    return message == null ? e.getClass().getSimpleName() : message;
  }

  private static void delete(Path temporary, Throwable cause) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }
}
