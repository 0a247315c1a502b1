package dev.nibble.engine.data.storage;

import dev.nibble.engine.data.DataException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file of fixed-size records, read by position: the system's page cache holds the data, not the
 * process, so resident memory stays small (a mapping of the whole file would count as resident).
 */
public final class DataFile implements AutoCloseable {
  private final Path path;
  private final FileChannel channel;
  private final int recordBytes;
  private final Arena arena = Arena.ofShared();
  private final ObjectPool<Scratch> pool;
  private boolean closed;

  /** One reader's buffer of one record, seen as a segment and as the channel wants it. */
  public record Scratch(MemorySegment bytes, ByteBuffer buffer) {}

  /**
   * Wraps an open channel and owns it.
   *
   * @param path name for messages
   */
  public DataFile(Path path, FileChannel channel, int recordBytes) {
    this.path = path;
    this.channel = channel;
    this.recordBytes = recordBytes;
    this.pool =
        new ObjectPool<>(
            () -> {
              MemorySegment bytes = arena.allocate(recordBytes, 64);
              return new Scratch(bytes, bytes.asByteBuffer());
            });
  }

  /** Opens a file for reading; a missing or unreadable one is a {@link DataException}. */
  public static DataFile open(Path path, int recordBytes) {
    try {
      return new DataFile(path, FileChannel.open(path, StandardOpenOption.READ), recordBytes);
    } catch (NoSuchFileException e) {
      throw new DataException("The file %s is missing.".formatted(path), e);
    } catch (IOException e) {
      throw new DataException("Cannot open %s: %s.".formatted(path, reason(e)), e);
    }
  }

  public Path path() {
    return path;
  }

  public long bytes() {
    try {
      return channel.size();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Reads the record that starts at a byte position; give the scratch back after use. */
  public Scratch read(long position) {
    Scratch scratch = pool.borrow();
    ByteBuffer buffer = scratch.buffer;
    buffer.clear();
    try {
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, position + buffer.position()) < 0) {
          throw new DataException(
              "%s ends at byte %d inside a record of %d bytes; it was cut after it was opened."
                  .formatted(path, position + buffer.position(), recordBytes));
        }
      }
      return scratch;
    } catch (IOException e) {
      pool.giveBack(scratch);
      throw failure(e);
    } catch (DataException e) {
      pool.giveBack(scratch);
      throw e;
    }
  }

  /** Writes one record; false if the system refuses, as it does on a full disk. */
  public boolean write(long position, MemorySegment source, long offset) {
    Scratch scratch = pool.borrow();
    ByteBuffer buffer = scratch.buffer;
    buffer.clear();
    MemorySegment.copy(source, offset, scratch.bytes, 0, recordBytes);
    try {
      while (buffer.hasRemaining()) {
        channel.write(buffer, position + buffer.position());
      }
      return true;
    } catch (IOException e) {
      return false;
    } finally {
      pool.giveBack(scratch);
    }
  }

  public void giveBack(Scratch scratch) {
    pool.giveBack(scratch);
  }

  private DataException failure(IOException e) {
    return new DataException("Cannot read %s: %s.".formatted(path, reason(e)), e);
  }

  /** What an exception says, or its kind where it says nothing. */
  public static String reason(Exception e) {
    String message = e.getMessage();
    String text = message == null ? e.getClass().getSimpleName() : message;
    return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      channel.close();
    } catch (IOException e) {
      throw failure(e);
    } finally {
      arena.close();
    }
  }
}
