package dev.nibble.samples.serve;

import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Reads a store's file from its start to its end. Damaged bytes are passed over up to the next
 * sound example; where none follows, as behind a crash, the end is cut off, and kept in a file
 * beside this one, as nobody can know whether it was acknowledged. A line tells of both.
 *
 * <p>Of two examples with one id the later counts, which was relabelled; the other is erased now,
 * where a crash came before that. What is left of erased pictures is overwritten.
 */
final class ExampleScan {
  /** Places that are tried for a record in one piece of the file. */
  private static final int SEARCHED = 1 << 16;

  private final AppendFile file;
  private final Path path;
  private final int pictureBytes;
  private final Consumer<String> log;
  private final SortedMap<Long, Example> examples = new TreeMap<>();
  private long nextId;

  /** Whether something was erased that must be forced. */
  private boolean isChanged;

  private long erasedBytes;

  /**
   * What a store's file holds.
   *
   * @param examples in the order of their ids
   * @param nextId the first that is free
   * @param erasedBytes what could be left out
   */
  record Result(List<Example> examples, long nextId, long erasedBytes) {}

  /**
   * A piece of the file: the longest record fits, from any of the first {@link #SEARCHED} bytes.
   */
  private final byte[] piece;

  private ExampleScan(AppendFile file, Path path, int pictureBytes, Consumer<String> log) {
    this.file = file;
    this.path = path;
    this.pictureBytes = pictureBytes;
    this.log = log;
    this.piece = new byte[SEARCHED + ExampleRecord.most(pictureBytes)];
  }

  /**
   * All sound examples; afterwards the file ends where the next one goes.
   *
   * @throws ServiceException if the file is none of this kind, or of pictures of another shape
   * @throws IOException if it cannot be read or cut
   */
  static Result run(AppendFile file, Path path, FeatureMap input, Consumer<String> log)
      throws IOException {
    ExampleScan scan = new ExampleScan(file, path, input.values(), log);
    boolean hasRecords = scan.readHeader(input);
    file.forceName(); // of an old one, too: its maker may have been killed before this
    if (hasRecords) {
      scan.readRecords();
    }
    if (scan.isChanged) {
      file.force();
    }
    return new Result(List.copyOf(scan.examples.values()), scan.nextId, scan.erasedBytes);
  }

  private boolean readHeader(FeatureMap input) throws IOException {
    if (file.size() < ExampleRecord.HEADER) {
      file.truncate(0); // a crash while the file was made: nothing was acknowledged yet
      file.write(ExampleRecord.header(input), 0);
      file.force();
      return false;
    }
    byte[] header = new byte[ExampleRecord.HEADER];
    fill(ByteBuffer.wrap(header), 0);
    FeatureMap shape = ExampleRecord.shape(header);
    if (shape == null) {
      throw new ServiceException(
          "%s holds no examples, or its start is damaged: move it away or choose another --home."
              .formatted(path));
    }
    if (!shape.equals(input)) {
      throw new ServiceException(
          "The examples in %s are pictures of %s, but the network reads %s: choose another --home."
              .formatted(path, shape, input));
    }
    return true;
  }

  private void readRecords() throws IOException {
    long end = file.size();
    long at = ExampleRecord.HEADER;
    while (at < end) {
      int count = (int) Math.min(ExampleRecord.most(pictureBytes), end - at);
      fill(ByteBuffer.wrap(piece, 0, count), at);
      Example example = ExampleRecord.decode(piece, 0, count, pictureBytes, at);
      if (example != null) {
        take(example);
        at = example.pixels() + pictureBytes;
        continue;
      }
      ExampleRecord.Erased erased = ExampleRecord.erased(piece, 0, count, pictureBytes);
      if (erased != null && erased.length() <= end - at) {
        nextId = Math.max(nextId, erased.id() + 1);
        erasedBytes += erased.length();
        wipe(at + ExampleRecord.ERASED, at + erased.length());
        at += erased.length();
        continue;
      }
      // Its length may be what is damaged: it does not say where the next one begins.
      long next = nextSound(at + 1, end);
      if (next < 0) {
        cut(at, end);
        return;
      }
      log.accept(
          "Passed over %d damaged bytes at byte %d of %s; the examples around them are kept."
              .formatted(next - at, at, path));
      at = next;
    }
  }

  private void take(Example example) throws IOException {
    nextId = Math.max(nextId, example.id() + 1);
    Example before = examples.put(example.id(), example);
    if (before != null) {
      erasedBytes += ExampleRecord.length(before, pictureBytes);
      file.write(ExampleRecord.erase(before, pictureBytes), ExampleRecord.start(before));
      isChanged = true;
      wipe(ExampleRecord.start(before) + ExampleRecord.ERASED, before.pixels() + pictureBytes);
    }
  }

  /** Overwrites what is left of a deleted picture. Changes the piece. */
  private void wipe(long from, long to) throws IOException {
    int count = (int) (to - from);
    fill(ByteBuffer.wrap(piece, 0, count), from);
    for (int i = 0; i < count; i++) {
      if (piece[i] != 0) {
        file.write(ByteBuffer.allocate(count), from);
        isChanged = true;
        return;
      }
    }
  }

  /** Where the next sound record begins, or -1 if there is none. */
  private long nextSound(long from, long end) throws IOException {
    for (long at = from; at < end; at += SEARCHED) {
      int count = (int) Math.min(piece.length, end - at);
      fill(ByteBuffer.wrap(piece, 0, count), at);
      for (int i = 0; i < Math.min(SEARCHED, count); i++) {
        if (ExampleRecord.decode(piece, i, count - i, pictureBytes, at + i) != null) {
          return at + i;
        }
      }
    }
    return -1;
  }

  private void cut(long from, long end) throws IOException {
    Path copy = copy(from, end);
    file.truncate(from);
    file.force();
    log.accept(
        "Cut %d bytes off the end of %s, where no whole example follows; they are kept in %s."
            .formatted(end - from, path, copy.getFileName()));
  }

  private Path copy(long from, long end) throws IOException {
    int number = 1;
    while (Files.exists(cutFile(number))) {
      number++;
    }
    Path copy = cutFile(number);
    try (FileChannel channel =
        FileChannel.open(copy, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (long at = from; at < end; at += piece.length) {
        ByteBuffer part = ByteBuffer.wrap(piece, 0, (int) Math.min(piece.length, end - at));
        fill(part, at);
        part.flip();
        while (part.hasRemaining()) {
          channel.write(part);
        }
      }
      channel.force(true);
    } catch (IOException e) {
      Files.deleteIfExists(copy);
      throw e;
    }
    Folders.force(Folders.of(copy));
    return copy;
  }

  private Path cutFile(int number) {
    return path.resolveSibling(path.getFileName() + ".cut-" + number);
  }

  private void fill(ByteBuffer target, long position) throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int read = file.read(target, at);
      if (read < 0) {
        throw new IOException("the file ends at byte " + at);
      }
      at += read;
    }
  }
}
