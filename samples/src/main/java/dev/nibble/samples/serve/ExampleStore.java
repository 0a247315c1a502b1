package dev.nibble.samples.serve;

import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Labelled pictures in a file. What {@link #add}, {@link #relabel} or {@link #delete} returned is
 * on the disk for good: a process killed at any instant leaves at most a torn end, which the next
 * opening cuts off, or an example under its old label beside the same one under its new.
 *
 * <p>A relabelled example is written anew at the end, under its id, and then erased where it was; a
 * deleted one is only erased. So damage can cost an example, but none comes back.
 *
 * <p>Any number of threads may use it. One forces the disk for all that wait at that moment.
 */
final class ExampleStore implements AutoCloseable {
  private final Path path;
  private final AppendFile file;
  private final int pictureBytes;

  /** Guards the fields below; held for a write, never while the disk is forced. */
  private final Object lock = new Object();

  /** Held while the disk is forced: who waits for it finds the work done, as a rule. */
  private final ReentrantLock forcing = new ReentrantLock();

  /** Held while an example that is there is changed. Taken before {@link #forcing}. */
  private final ReentrantLock editing = new ReentrantLock();

  private final ExampleIndex index;
  private List<Pending> pending = new ArrayList<>();
  private long durableEnd;
  private long durableNextId;
  private long end;
  private long nextId;
  private boolean broken;

  /** Who reads examples that may be deleted meanwhile, and the deleted ones that wait for them. */
  private int holds;

  private final List<Example> unwiped = new ArrayList<>();

  /** An example on its way to the disk. */
  private static final class Pending {
    private final Example example;
    private volatile boolean durable;
    private volatile boolean failed;

    private Pending(Example example) {
      this.example = example;
    }
  }

  /** The examples at one instant; their pixels can be read until it is closed. */
  final class Hold implements AutoCloseable {
    private final List<Example> examples;
    private boolean closed;

    private Hold(List<Example> examples) {
      this.examples = examples;
    }

    /** In the order of arrival. */
    List<Example> examples() {
      return examples;
    }

    @Override
    public void close() {
      synchronized (lock) {
        if (closed) {
          return;
        }
        closed = true;
        release();
      }
    }
  }

  private ExampleStore(Path path, AppendFile file, int pictureBytes, ExampleScan.Result found)
      throws IOException {
    this.path = path;
    this.file = file;
    this.pictureBytes = pictureBytes;
    this.index = new ExampleIndex(found.examples());
    this.end = file.size();
    this.durableEnd = end;
    this.nextId = found.nextId();
    this.durableNextId = nextId;
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
        ExampleScan.Result found = ExampleScan.run(file, path, input, log);
        if (ExampleCompaction.isDue(found, file.size())
            && ExampleCompaction.run(file, path, input, found, opener, log)) {
          file.close();
          file = opener.open(path);
          found = ExampleScan.run(file, path, input, log);
        }
        return new ExampleStore(path, file, input.values(), found);
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
    return commit(write(null, label, pixels));
  }

  /**
   * Gives an example another label and returns once that would survive a loss of power.
   *
   * @return the example as it is now, or null if there is none of that id
   * @throws IOException if the disk did not take it: the store is then as it was
   */
  @Nullable Example relabel(long id, String label) throws IOException {
    editing.lock();
    try {
      Example before = find(id);
      if (before == null || before.label().equals(label)) {
        return before;
      }
      Example after = commit(write(before, label, soundPixels(before)));
      try {
        erase(before);
        wipe(before);
      } catch (IOException e) {
        // It is relabelled, and stays so; but the old record must be gone before anything of this
        // id changes again, and only an opening can see to that.
        synchronized (lock) {
          broken = true;
        }
        System.getLogger(ExampleStore.class.getName())
            .log(System.Logger.Level.WARNING, "Cannot erase an example; restart the service", e);
      }
      return after;
    } finally {
      editing.unlock();
    }
  }

  /**
   * Deletes an example and returns once that would survive a loss of power.
   *
   * @return what was deleted, or null if there is none of that id
   * @throws IOException if the disk did not take it: the store is then as it was
   */
  @Nullable Example delete(long id) throws IOException {
    editing.lock();
    try {
      Example example = find(id);
      if (example != null) {
        erase(example);
        synchronized (lock) {
          index.remove(example);
        }
        wipe(example);
      }
      return example;
    } finally {
      editing.unlock();
    }
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

  private Example commit(Pending mine) throws IOException {
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
        index.put(p.example);
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
  private void erase(Example example) throws IOException {
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
      synchronized (lock) {
        broken = true;
      }
      cause.addSuppressed(e);
    }
  }

  /** Overwrites the pixels of an erased example once nobody reads them. */
  private void wipe(Example example) {
    synchronized (lock) {
      unwiped.add(example);
      wipeAll();
    }
  }

  private void wipeAll() {
    if (holds > 0) {
      return;
    }
    for (Example each : unwiped) {
      int count = ExampleRecord.length(each, pictureBytes) - ExampleRecord.ERASED;
      try {
        file.write(ByteBuffer.allocate(count), ExampleRecord.start(each) + ExampleRecord.ERASED);
      } catch (IOException e) {
        // It counts no more, whatever is in it; the next opening overwrites it.
        System.getLogger(ExampleStore.class.getName())
            .log(System.Logger.Level.DEBUG, "Cannot overwrite a deleted example yet", e);
      }
    }
    unwiped.clear();
  }

  /** The pixels of an example whose checksum is still right. */
  private byte[] soundPixels(Example example) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(ExampleRecord.length(example, pictureBytes));
    long start = ExampleRecord.start(example);
    fill(bytes, start);
    byte[] all = bytes.array();
    if (!example.equals(ExampleRecord.decode(all, 0, all.length, pictureBytes, start))) {
      throw new IOException("example %d is damaged".formatted(example.id()));
    }
    return Arrays.copyOfRange(all, all.length - pictureBytes, all.length);
  }

  /** Holds the examples that are on the disk now; close it. */
  Hold hold() {
    synchronized (lock) {
      holds++;
      return new Hold(index.all());
    }
  }

  private void release() {
    holds--;
    wipeAll();
  }

  /** The example of that id, or null. */
  @Nullable Example find(long id) {
    synchronized (lock) {
      return index.find(id);
    }
  }

  /**
   * The pixels of an example, or null if there is none of that id.
   *
   * @throws IOException if they cannot be read
   */
  byte @Nullable [] pixels(long id) throws IOException {
    Example example;
    synchronized (lock) {
      example = index.find(id);
      if (example == null) {
        return null;
      }
      holds++;
    }
    try {
      byte[] pixels = new byte[pictureBytes];
      read(example, MemorySegment.ofArray(pixels), 0);
      return pixels;
    } finally {
      synchronized (lock) {
        release();
      }
    }
  }

  /** See {@link ExampleIndex#page}. */
  List<Example> page(long before, int most, Predicate<Example> wanted) {
    synchronized (lock) {
      return index.page(before, most, wanted);
    }
  }

  /** The examples that are on the disk, in the order of arrival. */
  List<Example> examples() {
    synchronized (lock) {
      return index.all();
    }
  }

  /** How many examples are on the disk. */
  int count() {
    synchronized (lock) {
      return index.size();
    }
  }

  /** How many examples each label has. */
  SortedMap<String, Integer> labels() {
    synchronized (lock) {
      return index.labels();
    }
  }

  /**
   * Copies an example's pixels. It may be deleted meanwhile only where a {@link Hold} has it.
   *
   * @throws IOException if they cannot be read
   */
  void read(Example example, MemorySegment target, long offset) throws IOException {
    fill(target.asSlice(offset, pictureBytes).asByteBuffer(), example.pixels());
  }

  private void fill(ByteBuffer buffer, long position) throws IOException {
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
