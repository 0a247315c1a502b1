package dev.nibble.engine.protobuf;

import dev.nibble.engine.files.SegmentIo;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * The bytes of a file, read through one small window; not for several threads at a time.
 *
 * <p>No mapping is made: a file that shrinks meanwhile gives an exception, never a signal, and what
 * is read counts to nobody's memory but the window's.
 */
public final class ByteSource {
  private static final int WINDOW = 1 << 16;

  private final FileChannel channel;
  private final long size;
  private final byte[] window;
  private long windowStart;
  private int windowBytes;

  /**
   * Reads an open file, which stays the caller's to close.
   *
   * @throws IOException if its size cannot be told
   */
  public ByteSource(FileChannel channel) throws IOException {
    this.channel = channel;
    size = channel.size();
    window = new byte[(int) Math.min(WINDOW, size)];
  }

  /** Bytes of the file when it was opened. */
  public long size() {
    return size;
  }

  /**
   * Fills a buffer with the bytes from a position on.
   *
   * @throws ProtobufException if the file ends before
   * @throws UncheckedIOException if it cannot be read
   */
  public void read(long position, ByteBuffer target) {
    if (position < 0 || target.remaining() > size - position) {
      throw new ProtobufException("it ends at byte " + size + ", before what it should hold");
    }
    fill(position, target);
  }

  /** One byte; the position must lie within the file. */
  byte get(long position) {
    long at = position - windowStart;
    if (at < 0 || at >= windowBytes) {
      windowBytes = (int) Math.min(window.length, size - position);
      windowStart = position;
      fill(position, ByteBuffer.wrap(window, 0, windowBytes));
      at = 0;
    }
    return window[(int) at];
  }

  private void fill(long position, ByteBuffer target) {
    try {
      SegmentIo.fill(channel, position, target);
    } catch (EOFException e) {
      throw new ProtobufException("it was shortened while it was read");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
