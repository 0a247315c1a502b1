package dev.nibble.engine.data.parquet;

import dev.hardwood.InputFile;
import dev.nibble.engine.files.SegmentIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Reads a file by position. The library's own way is a mapping: a file that is cut while it is read
 * would then end the process.
 */
final class ChannelInput implements InputFile {
  private final Path path;
  private @Nullable FileChannel channel;

  ChannelInput(Path path) {
    this.path = path;
  }

  @Override
  public synchronized void open() throws IOException {
    if (channel == null) {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    }
  }

  private synchronized FileChannel channel() throws IOException {
    FileChannel open = channel;
    if (open == null) {
      throw new IOException("the file is not open");
    }
    return open;
  }

  @Override
  public ByteBuffer readRange(long offset, int length) throws IOException {
    FileChannel open = channel();
    if (offset < 0 || length < 0 || offset > open.size() - length) {
      throw new IOException(
          "%d bytes at %d lie outside its %d bytes".formatted(length, offset, open.size()));
    }
    ByteBuffer buffer = ByteBuffer.allocate(length);
    SegmentIo.fill(open, offset, buffer);
    return buffer.flip();
  }

  @Override
  public long length() throws IOException {
    return channel().size();
  }

  @Override
  public String name() {
    return path.toString();
  }

  @Override
  public synchronized void close() throws IOException {
    if (channel != null) {
      channel.close();
      channel = null;
    }
  }
}
