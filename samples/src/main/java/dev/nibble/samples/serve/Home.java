package dev.nibble.samples.serve;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * The folder where a service keeps what it must not lose; one service at a time has it.
 *
 * <p>A lock on a file keeps other processes out. It does not do so within a process: there, closing
 * the file a second time, as whoever finds it locked must, takes the lock from who has it. So a
 * mark is set before the file is opened. It is a property of the system, not a field, because it
 * must be one for the whole process, as the lock is, however often this class was loaded.
 */
final class Home implements AutoCloseable {
  private static final String LOCK = "lock";
  private static final String MARK = "dev.nibble.samples.serve.home:";

  private final Path folder;
  private final FileChannel lock;

  /** The property that tells the rest of this process of this home. */
  private final String mark;

  /** Whether there was no such folder before. */
  private final boolean isNew;

  private Home(Path folder, FileChannel lock, String mark, boolean isNew) {
    this.folder = folder;
    this.lock = lock;
    this.mark = mark;
    this.isNew = isNew;
  }

  /**
   * Makes the folder if there is none, and keeps other services out of it.
   *
   * @throws ServiceException if another service has it, or it cannot be used
   */
  static Home open(Path folder) {
    boolean isNew = !Files.exists(folder);
    if (!isNew && !Files.isDirectory(folder)) {
      throw new ServiceException("%s is a file: choose a folder as --home.".formatted(folder));
    }
    try {
      Folders.create(folder.resolve("models"));
    } catch (FileAlreadyExistsException e) {
      throw new ServiceException(
          "%s is a file: choose a folder as --home.".formatted(e.getMessage()), e);
    } catch (IOException e) {
      throw ServiceException.file("make the folder", folder, e);
    }
    String mark = mark(folder);
    if (System.getProperties().putIfAbsent(mark, "open") != null) {
      throw new ServiceException(
          "This process serves from %s already: close that service, or choose another home."
              .formatted(folder));
    }
    boolean opened = false;
    try {
      Home home = new Home(folder, lock(folder), mark, isNew);
      opened = true;
      return home;
    } finally {
      if (!opened) {
        System.clearProperty(mark);
      }
    }
  }

  /** One name for a folder, whatever path leads to it. */
  private static String mark(Path folder) {
    try {
      return MARK + folder.toRealPath();
    } catch (IOException e) {
      throw ServiceException.file("open the folder", folder, e);
    }
  }

  private static FileChannel lock(Path folder) {
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
      return channel;
    } catch (OverlappingFileLockException e) {
      throw busy(folder, e); // other code of this process has locked it
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

  /** Lets other services in; a folder that was made for nothing is removed. */
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
    System.clearProperty(mark); // last: until here another's closing would take the lock
  }
}
