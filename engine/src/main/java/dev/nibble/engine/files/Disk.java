package dev.nibble.engine.files;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;

/**
 * The few operations by which a file gets onto a disk, apart from the rest so that a test can let
 * each of them fail.
 */
public interface Disk {
  /** A file that is being written. */
  interface Sink extends WritableByteChannel {
    /**
     * Returns once all that was written would survive a loss of power.
     *
     * @throws IOException if the disk did not take it
     */
    void force() throws IOException;
  }

  /** Returns the disk of the system. */
  static Disk system() {
    return new SystemDisk();
  }

  /**
   * Creates a file, or empties the one that is there.
   *
   * @throws IOException if that cannot be done
   */
  Sink create(Path file) throws IOException;

  /**
   * Gives a file another name in its folder at one instant, replacing what bore it.
   *
   * @throws IOException if that cannot be done; both files are then as before
   */
  void rename(Path from, Path to) throws IOException;

  /**
   * Returns once the names in a folder would survive a loss of power, at once where the system has
   * no way to say so.
   *
   * @throws IOException if the disk did not take them
   */
  void forceFolder(Path folder) throws IOException;
}
