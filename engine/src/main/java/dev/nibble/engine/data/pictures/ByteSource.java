package dev.nibble.engine.data.pictures;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The bytes of a file at any position, so that a header is read without the picture behind it. */
public abstract class ByteSource {
  private final long length;

  private ByteSource(long length) {
    this.length = length;
  }

  /** A file that lies in memory. */
  public static ByteSource of(byte[] file) {
    return new ByteSource(file.length) {
      @Override
      int at(long position) {
        return file[(int) position] & 0xFF;
      }
    };
  }

  /** A file on disk, read in pieces around what is asked for; the channel stays the caller's. */
  public static ByteSource of(FileChannel channel) throws IOException {
    return new Windows(channel, channel.size());
  }

  private static final class Windows extends ByteSource {
    private static final int BYTES = 4096;

    private final FileChannel channel;
    private final ByteBuffer window = ByteBuffer.allocate(BYTES).limit(0);
    private long start;

    Windows(FileChannel channel, long length) {
      super(length);
      this.channel = channel;
    }

    @Override
    int at(long position) throws IOException {
      if (position < start || position >= start + window.limit()) {
        start = position;
        window.clear();
        while (window.hasRemaining()) {
          if (channel.read(window, start + window.position()) < 0) {
            break;
          }
        }
        window.flip();
        if (!window.hasRemaining()) {
          throw new EOFException("the file ends too early");
        }
      }
      return window.get((int) (position - start)) & 0xFF;
    }
  }

  abstract int at(long position) throws IOException;

  final long length() {
    return length;
  }

  /** The byte at a position, 0 to 255. */
  final int u8(long position) throws IOException {
    if (position < 0 || position >= length) {
      throw new EOFException("the file ends too early");
    }
    return at(position);
  }

  /** Two bytes. */
  final int u16(long position, boolean littleEndian) throws IOException {
    int first = u8(position);
    int second = u8(position + 1);
    return littleEndian ? second << 8 | first : first << 8 | second;
  }

  /** Four bytes, 0 to 2^32 - 1. */
  final long u32(long position, boolean littleEndian) throws IOException {
    long first = u16(position, littleEndian);
    long second = u16(position + 2, littleEndian);
    return littleEndian ? second << 16 | first : first << 16 | second;
  }

  /** Whether the text's characters stand at a position. */
  final boolean isAt(long position, String text) throws IOException {
    if (position < 0 || position + text.length() > length) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (u8(position + i) != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}
