package dev.nibble.samples.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The file of the examples: records go to its end, or are erased, and are on the disk for good when
 * a call returns. Any number of threads may write; one forces the disk for all that wait at that
 * moment.
 */
final class ExampleLog implements AutoCloseable {
  private final Path path;
  private final AppendFile file;
  private final int pictureBytes;
  private final Consumer<Example> durable;

  /** Guards the fields below; held for a write, never while the disk is forced. */
  private final Object lock;

  /** Held while the disk is forced: who waits for it finds the work done, as a rule. */
  private final ReentrantLock forcing = new ReentrantLock();

  private List<Pending> pending = new ArrayList<>();
  private long durableEnd;
  private long durableNextId;
  private long end;
  private long nextId;
  private boolean broken;

  /** An example on its way to the disk. */
  private static final class Pending {
    private final Example example;
    private volatile boolean durable;
    private volatile boolean failed;

    private Pending(Example example) {
      this.example = example;
    }
  }

  /**
   * Takes over a file whose end is sound.
   *
   * @param nextId the id of the next example
   * @param lock held whenever {@code durable} is called
   * @param durable hears of every example once it is on the disk for good
   */
  ExampleLog(
      Path path,
      AppendFile file,
      int pictureBytes,
      long nextId,
      Object lock,
      Consumer<Example> durable)
      throws IOException {
    this.path = path;
    this.file = file;
    this.pictureBytes = pictureBytes;
    this.lock = lock;
    this.durable = durable;
    this.end = file.size();
    this.durableEnd = end;
    this.nextId = nextId;
    this.durableNextId = nextId;
  }

  /**
   * Adds a record and returns once it would survive a loss of power.
   *
   * @param before the example that it takes the place of, under its id; null for a new one
   * @throws IOException if the disk did not take it: the file is then as it was
   */
  Example append(@Nullable Example before, String label, byte[] pixels) throws IOException {
    Pending mine = write(before, label, pixels);
    forcing.lock();
    try {
      if (!mine.durable && !mine.failed) {
        forceAll();
      }
    } finally {
      forcing.unlock();
    }
    if (mine.failed) {
      throw new IOException("the disk did not take it");
    }
    return mine.example;
  }

  private Pending write(@Nullable Example before, String label, byte[] pixels) throws IOException {
    synchronized (lock) {
      checkSound();
      long id = before == null ? nextId : before.id();
      long time = before == null ? System.currentTimeMillis() : before.time();
      ByteBuffer bytes = ExampleRecord.encode(id, time, label, pixels);
      int length = bytes.remaining();
      try {
        file.write(bytes, end);
      } catch (IOException e) {
        cutTo(end, e);
        throw e;
      }
      long position = end + length - pixels.length;
      end += length;
      nextId = Math.max(nextId, id + 1);
      Pending added = new Pending(new Example(id, label.intern(), time, position));
      pending.add(added);
      return added;
    }
  }

  private void checkSound() throws IOException {
    if (broken) {
      throw new IOException("an earlier fault of the disk left the file in doubt");
    }
  }

  /** Refuses every change from here on: only the next opening can tell what the disk holds. */
  void doubt() {
    synchronized (lock) {
      broken = true;
    }
  }

  /** Makes all durable that is written now. Needs {@link #forcing}. */
  private void forceAll() throws IOException {
    List<Pending> batch;
    long batchEnd;
    long batchNextId;
    synchronized (lock) {
      batch = pending;
      batchEnd = end;
      batchNextId = nextId;
      pending = new ArrayList<>();
    }
    try {
      file.force();
    } catch (IOException e) {
      // What the disk holds now is unknown, later writes included: all of it goes.
      synchronized (lock) {
        batch.forEach(p -> p.failed = true);
        pending.forEach(p -> p.failed = true);
        pending = new ArrayList<>();
        end = durableEnd;
        nextId = durableNextId;
        cutTo(end, e);
      }
      throw e;
    }
    synchronized (lock) {
      for (Pending p : batch) {
        durable.accept(p.example);
        p.durable = true;
      }
      durableEnd = batchEnd;
      durableNextId = batchNextId;
    }
  }

  private void cutTo(long size, IOException cause) {
    try {
      file.truncate(size);
    } catch (IOException e) {
      broken = true;
      cause.addSuppressed(e);
    }
  }

  /** Marks a record as erased, for good, or leaves it as it was. */
  void erase(Example example) throws IOException {
    long start = ExampleRecord.start(example);
    ByteBuffer before = ByteBuffer.allocate(ExampleRecord.ERASED);
    fill(before, start);
    forcing.lock();
    try {
      synchronized (lock) {
        checkSound();
      }
      file.write(ExampleRecord.erase(example, pictureBytes), start);
      forceAll();
    } catch (IOException e) {
      restore(before.flip(), start, e);
      throw e;
    } finally {
      forcing.unlock();
    }
  }

  private void restore(ByteBuffer bytes, long start, IOException cause) {
    try {
      file.write(bytes, start);
      file.force();
    } catch (IOException e) {
      doubt();
      cause.addSuppressed(e);
    }
  }

  /** Overwrites what an erased record still holds; for good only with what is forced later. */
  void wipe(Example example) throws IOException {
    int count = ExampleRecord.length(example, pictureBytes) - ExampleRecord.ERASED;
    file.write(ByteBuffer.allocate(count), ExampleRecord.start(example) + ExampleRecord.ERASED);
  }

  /** Reads until the buffer is full. */
  void fill(ByteBuffer buffer, long position) throws IOException {
    long at = position;
    while (buffer.hasRemaining()) {
      int read = file.read(buffer, at);
      if (read < 0) {
        throw new IOException("%s ends at byte %d".formatted(path, at));
      }
      at += read;
    }
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw ServiceException.file("close the examples", path, e);
    }
  }
}
