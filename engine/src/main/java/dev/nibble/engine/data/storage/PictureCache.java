package dev.nibble.engine.data.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Decoded or drawn pictures in a temporary file, so that each is made once and read by position
 * after.
 *
 * <p>The cache only saves time: it takes at most half of the temporary folder's free space, and
 * where it cannot be written, pictures are made again.
 */
public final class PictureCache implements AutoCloseable {
  private final int pictureBytes;
  private final int capacity;
  private final AtomicIntegerArray filled;
  private final @Nullable DataFile file;
  private volatile boolean writable = true;

  private PictureCache(int pictureBytes, int capacity, @Nullable DataFile file) {
    this.pictureBytes = pictureBytes;
    this.capacity = capacity;
    this.filled = new AtomicIntegerArray((capacity + 31) / 32);
    this.file = file;
  }

  /**
   * A cache for up to {@code size} pictures; one that holds fewer, or none, where space is short.
   */
  public static PictureCache create(int size, int pictureBytes) {
    try {
      Path folder = Path.of(System.getProperty("java.io.tmpdir"));
      long space = Files.getFileStore(folder).getUsableSpace() / 2;
      int capacity = (int) Math.min(size, space / pictureBytes);
      FileChannel channel = TemporaryFile.open();
      return new PictureCache(
          pictureBytes,
          capacity,
          new DataFile(folder.resolve("picture cache"), channel, pictureBytes));
    } catch (IOException e) {
      return new PictureCache(pictureBytes, 0, null);
    }
  }

  /** Copies a picture to {@code target} if the cache has it. */
  public boolean read(int index, MemorySegment target, long offset) {
    DataFile cache = file;
    if (cache == null
        || index >= capacity
        || (filled.get(index >>> 5) & (1 << (index & 31))) == 0) {
      return false;
    }
    DataFile.Scratch record = cache.read((long) index * pictureBytes);
    try {
      MemorySegment.copy(record.bytes(), 0, target, offset, pictureBytes);
      return true;
    } finally {
      cache.giveBack(record);
    }
  }

  /**
   * Keeps a picture, unless there is no room. Threads may write the same picture: bytes are equal.
   */
  public void write(int index, MemorySegment picture, long offset) {
    DataFile cache = file;
    if (cache == null || index >= capacity || !writable) {
      return;
    }
    if (cache.write((long) index * pictureBytes, picture, offset)) {
      filled.accumulateAndGet(index >>> 5, 1 << (index & 31), (bits, bit) -> bits | bit);
    } else {
      writable = false;
    }
  }

  @Override
  public void close() {
    if (file != null) {
      file.close();
    }
  }
}
