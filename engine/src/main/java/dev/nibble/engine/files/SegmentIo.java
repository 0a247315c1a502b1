package dev.nibble.engine.files;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;

/** Moves bytes between files and memory segments by plain reads and writes. */
public final class SegmentIo {
  /** Native segments go in pieces that an int can count; heap ones through a small copy. */
  private static final long NATIVE_PIECE = 1L << 30;

  private static final int HEAP_PIECE = 1 << 16;

  private SegmentIo() {}

  /**
   * Fills a segment with the bytes of a file from a position on.
   *
   * <p>No mapping is made: a file that shrinks meanwhile gives an exception, never a signal.
   *
   * @throws EOFException if the file ends before the segment is full
   * @throws IOException if the file cannot be read
   */
  public static void read(FileChannel channel, long position, MemorySegment target)
      throws IOException {
    if (target.isNative()) {
      for (long at = 0; at < target.byteSize(); at += NATIVE_PIECE) {
        long bytes = Math.min(NATIVE_PIECE, target.byteSize() - at);
        fill(channel, position + at, target.asSlice(at, bytes).asByteBuffer());
      }
      return;
    }
    byte[] piece = new byte[(int) Math.min(HEAP_PIECE, target.byteSize())];
    for (long at = 0; at < target.byteSize(); at += piece.length) {
      int bytes = (int) Math.min(piece.length, target.byteSize() - at);
      fill(channel, position + at, ByteBuffer.wrap(piece, 0, bytes));
      MemorySegment.copy(MemorySegment.ofArray(piece), 0, target, at, bytes);
    }
  }

  /**
   * Writes all bytes of a segment.
   *
   * @throws IOException if they cannot be written
   */
  public static void write(WritableByteChannel channel, MemorySegment source) throws IOException {
    if (source.isNative()) {
      for (long at = 0; at < source.byteSize(); at += NATIVE_PIECE) {
        long bytes = Math.min(NATIVE_PIECE, source.byteSize() - at);
        writeAll(channel, source.asSlice(at, bytes).asByteBuffer());
      }
      return;
    }
    byte[] piece = new byte[(int) Math.min(HEAP_PIECE, source.byteSize())];
    for (long at = 0; at < source.byteSize(); at += piece.length) {
      int bytes = (int) Math.min(piece.length, source.byteSize() - at);
      MemorySegment.copy(source, at, MemorySegment.ofArray(piece), 0, bytes);
      writeAll(channel, ByteBuffer.wrap(piece, 0, bytes));
    }
  }

  /**
   * Writes all that remains in a buffer.
   *
   * @throws IOException if it cannot be written
   */
  public static void writeAll(WritableByteChannel channel, ByteBuffer source) throws IOException {
    while (source.hasRemaining()) {
      channel.write(source);
    }
  }

  /**
   * Reads from a position of a file until a buffer is full.
   *
   * @throws EOFException if the file ends before
   * @throws IOException if the file cannot be read
   */
  public static void fill(FileChannel channel, long position, ByteBuffer buffer)
      throws IOException {
    long at = position;
    while (buffer.hasRemaining()) {
      int read = channel.read(buffer, at);
      if (read < 0) {
        throw new EOFException("the file ends at byte " + Math.min(at, channel.size()));
      }
      at += read;
    }
  }
}
