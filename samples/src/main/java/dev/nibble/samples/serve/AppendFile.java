package dev.nibble.samples.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The few operations by which examples get onto a disk and back, apart from the rest so that a test
 * can let each of them fail.
 */
interface AppendFile extends AutoCloseable {
  /** Opens such a file. */
  @FunctionalInterface
  interface Opener {
    /**
     * Opens a file, an empty one where there is none.
     *
     * @throws IOException if that cannot be done
     */
    AppendFile open(Path file) throws IOException;
  }

  /** Bytes in the file. */
  long size() throws IOException;

  /** Reads at most as many bytes as the buffer has room for; -1 at the end. */
  int read(ByteBuffer target, long position) throws IOException;

  /** Writes all that remains in the buffer. */
  void write(ByteBuffer source, long position) throws IOException;

  /** Returns once all that was written would survive a loss of power. */
  void force() throws IOException;

  /** Returns once the file's name, too, would survive a loss of power. */
  void forceName() throws IOException;

  /** Cuts the file off. */
  void truncate(long size) throws IOException;

  @Override
  void close() throws IOException;

  /** Opens a file of the system. */
  static AppendFile open(Path file) throws IOException {
    return new Channel(
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
        Folders.of(file));
  }

  /** A file of the system. */
  record Channel(FileChannel channel, Path folder) implements AppendFile {
    @Override
    public long size() throws IOException {
      return channel.size();
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      return channel.read(target, position);
    }

    @Override
    public void write(ByteBuffer source, long position) throws IOException {
      long at = position;
      while (source.hasRemaining()) {
        at += channel.write(source, at);
      }
    }

    @Override
    public void force() throws IOException {
      channel.force(true);
    }

    @Override
    public void forceName() throws IOException {
      Folders.force(folder);
    }

    @Override
    public void truncate(long size) throws IOException {
      channel.truncate(size);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
