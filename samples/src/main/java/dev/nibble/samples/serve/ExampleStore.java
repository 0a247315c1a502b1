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
  private final int pictureBytes;
  private final ExampleLog log;

  /** Guards the fields below; never held while the disk is forced. */
  private final Object lock = new Object();

  /** Held while an example that is there is changed. Taken before any other. */
  private final ReentrantLock editing = new ReentrantLock();

  /** What is on the disk for good. */
  private final ExampleIndex index;

  /** Who reads examples that may be deleted meanwhile, and the deleted ones that wait for them. */
  private int holds;

  private final List<Example> unwiped = new ArrayList<>();

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
    this.pictureBytes = pictureBytes;
    this.index = new ExampleIndex(found.examples());
    this.log = new ExampleLog(path, file, pictureBytes, found.nextId(), lock, index::put);
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
    return log.append(null, label, pixels);
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
      Example after = log.append(before, label, soundPixels(before));
      try {
        log.erase(before);
        wipe(before);
      } catch (IOException e) {
        // It is relabelled, and stays so; but the old record must be gone before anything of this
        // id changes again, and only an opening can see to that.
        log.doubt();
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
        log.erase(example);
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
      try {
        log.wipe(each);
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
    log.fill(bytes, start);
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
    log.fill(target.asSlice(offset, pictureBytes).asByteBuffer(), example.pixels());
  }

  @Override
  public void close() {
    log.close();
  }
}
