package dev.nibble.samples.serve;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** The folder where a service keeps what it must not lose; one process at a time has it. */
final class Home implements AutoCloseable {
  private static final String LOCK = "lock";

  private final Path folder;
  private final FileChannel lock;

  /** Whether there was no such folder before. */
  private final boolean isNew;

  private Home(Path folder, FileChannel lock, boolean isNew) {
    this.folder = folder;
    this.lock = lock;
    this.isNew = isNew;
  }

  /**
   * Makes the folder if there is none, and keeps other processes out of it.
   *
   * @throws ServiceException if another process has it, or it cannot be used
   */
  static Home open(Path folder) {
    boolean isNew = !Files.exists(folder);
    if (!isNew && !Files.isDirectory(folder)) {
      throw new ServiceException("%s is a file: choose a folder as --home.".formatted(folder));
    }
    try {
      Files.createDirectories(folder.resolve("models"));
    } catch (FileAlreadyExistsException e) {
      throw new ServiceException(
          "%s is a file: choose a folder as --home.".formatted(e.getMessage()), e);
    } catch (IOException e) {
      throw ServiceException.file("make the folder", folder, e);
    }
    Path file = folder.resolve(LOCK);
    FileChannel channel;
    try {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw ServiceException.file("open", file, e);
    }
    boolean locked = false;
    try {
      locked = channel.tryLock() != null;
      if (!locked) {
        throw busy(folder, null);
      }
      return new Home(folder, channel, isNew);
    } catch (OverlappingFileLockException e) {
      throw busy(folder, e);
    } catch (IOException e) {
      throw ServiceException.file("lock", file, e);
    } finally {
      if (!locked) {
        closeQuietly(channel);
      }
    }
  }

  private static ServiceException busy(Path folder, @Nullable Throwable cause) {
    String sentence =
        "Another process serves from %s: stop it, or choose another --home.".formatted(folder);
    return cause == null ? new ServiceException(sentence) : new ServiceException(sentence, cause);
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // Nothing was written to it, and why the home is not ours has been said already.
      assert !channel.isOpen();
    }
  }

  /** The folder of the versions. */
  Path models() {
    return folder.resolve("models");
  }

  /** The file of the examples. */
  Path examples() {
    return folder.resolve("examples.log");
  }

  /** Lets other processes in; a folder that was made for nothing is removed. */
  @Override
  public void close() {
    if (isNew && !Files.exists(examples())) {
      try {
        Files.delete(models());
        Files.delete(folder.resolve(LOCK));
        Files.delete(folder);
      } catch (IOException e) {
        // Something is in it by now: it stays.
        assert Files.exists(folder);
      }
    }
    closeQuietly(lock);
  }
}
