package dev.nibble.engine.data.parquet;

import dev.hardwood.InputFile;
import dev.nibble.engine.files.SegmentIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Reads a file by position. The library's own way is a mapping: a file that is cut while it is read
 * would then end the process.
 */
final class ChannelInput implements InputFile {
  private final Path path;

  /**
   * How often all of a file may be read: the labels and the rows are each read once, and the
   * library reads a damaged page's bytes for ever.
   */
  private static final int PASSES = 16;

  /** What a read counts at least, and how much any file may be read. */
  private static final int LEAST = 64;

  private static final long ALWAYS = 1 << 20;

  private final AtomicLong taken = new AtomicLong();
  private final AtomicInteger reading = new AtomicInteger();
  private volatile long lastRead = System.nanoTime();
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
    if (taken.addAndGet(Math.max(length, LEAST)) > PASSES * open.size() + ALWAYS) {
      throw new IOException("a page leads back to bytes that were read before, again and again");
    }
    ByteBuffer buffer = ByteBuffer.allocate(length);
    reading.incrementAndGet();
    try {
      SegmentIo.fill(open, offset, buffer);
    } finally {
      lastRead = System.nanoTime();
      reading.decrementAndGet();
    }
    return buffer.flip();
  }

  /** For how many nanoseconds nothing was read; 0 while the disk is waited for. */
  long idle() {
    long last = lastRead;
    return reading.get() > 0 ? 0 : System.nanoTime() - last;
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
