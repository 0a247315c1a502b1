package dev.nibble.samples.serve;

import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Labelled pictures in a file that only grows. What {@link #add} returned is on the disk for good:
 * a process killed at any instant leaves at most a torn end, which the next opening cuts off.
 *
 * <p>Any number of threads may add and read. One forces the disk for all that wait at that moment.
 */
final class ExampleStore implements AutoCloseable {
  private final Path path;
  private final AppendFile file;
  private final int pictureBytes;

  /** Guards the fields below; held for a write, never while the disk is forced. */
  private final Object lock = new Object();

  /** Held while the disk is forced: who waits for it finds the work done, as a rule. */
  private final ReentrantLock forcing = new ReentrantLock();

  private final List<Example> examples;
  private final SortedMap<String, Integer> labels = new TreeMap<>();
  private List<Pending> pending = new ArrayList<>();
  private long durableEnd;
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

  private ExampleStore(Path path, AppendFile file, int pictureBytes, List<Example> examples)
      throws IOException {
    this.path = path;
    this.file = file;
    this.pictureBytes = pictureBytes;
    this.examples = examples;
    this.end = file.size();
    this.durableEnd = end;
    this.nextId = afterLast();
    examples.forEach(e -> labels.merge(e.label(), 1, Integer::sum));
  }

  /**
   * Opens a store, or makes an empty one.
   *
   * @param input shape of a picture
   * @param log hears what had to be cut off or passed over
   * @throws ServiceException if the file cannot be used
   */
  static ExampleStore open(
      Path path, FeatureMap input, AppendFile.Opener opener, Consumer<String> log) {
    try {
      AppendFile file = opener.open(path);
      try {
        List<Example> examples = ExampleScan.run(file, path, input, log);
        return new ExampleStore(path, file, input.values(), examples);
      } catch (IOException | RuntimeException e) {
        file.close();
        throw e;
      }
    } catch (IOException e) {
      throw ServiceException.file("open the examples", path, e);
    }
  }

  /**
   * Adds an example and returns once it would survive a loss of power.
   *
   * @param pixels height x width x channels bytes
   * @throws IOException if the disk did not take it: the store is then as it was
   */
  Example add(String label, byte[] pixels) throws IOException {
    if (pixels.length != pictureBytes) {
      throw new IllegalArgumentException(
          "A picture has " + pictureBytes + " bytes, not " + pixels.length);
    }
    Pending mine = write(label, pixels);
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

  private Pending write(String label, byte[] pixels) throws IOException {
    synchronized (lock) {
      if (broken) {
        throw new IOException("an earlier fault of the disk left the file in doubt");
      }
      long time = System.currentTimeMillis();
      ByteBuffer bytes = ExampleRecord.encode(nextId, time, label, pixels);
      int length = bytes.remaining();
      try {
        file.write(bytes, end);
      } catch (IOException e) {
        cutTo(end, e);
        throw e;
      }
      long position = end + length - pixels.length;
      end += length;
      Pending added = new Pending(new Example(nextId++, label.intern(), time, position));
      pending.add(added);
      return added;
    }
  }

  /** Makes all durable that is written now. Needs {@link #forcing}. */
  private void forceAll() throws IOException {
    List<Pending> batch;
    long batchEnd;
    synchronized (lock) {
      batch = pending;
      batchEnd = end;
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
        nextId = afterLast();
        cutTo(end, e);
      }
      throw e;
    }
    synchronized (lock) {
      for (Pending p : batch) {
        examples.add(p.example);
        labels.merge(p.example.label(), 1, Integer::sum);
        p.durable = true;
      }
      durableEnd = batchEnd;
    }
  }

  private long afterLast() {
    return examples.isEmpty() ? 0 : examples.getLast().id() + 1;
  }

  private void cutTo(long size, IOException cause) {
    try {
      file.truncate(size);
    } catch (IOException e) {
      broken = true;
      cause.addSuppressed(e);
    }
  }

  /** The examples that are on the disk, in the order of arrival. */
  List<Example> examples() {
    synchronized (lock) {
      return List.copyOf(examples);
    }
  }

  /** How many examples are on the disk. */
  int count() {
    synchronized (lock) {
      return examples.size();
    }
  }

  /** How many examples each label has. */
  SortedMap<String, Integer> labels() {
    synchronized (lock) {
      return new TreeMap<>(labels);
    }
  }

  /**
   * Copies an example's pixels.
   *
   * @throws IOException if they cannot be read
   */
  void read(Example example, MemorySegment target, long offset) throws IOException {
    ByteBuffer buffer = target.asSlice(offset, pictureBytes).asByteBuffer();
    long at = example.pixels();
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
