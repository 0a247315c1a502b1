package dev.nibble.samples.serve;

import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a store's file from its start to its end: what a crash left half-written there is cut off,
 * a damaged example between sound ones is passed over, and a line says so.
 */
final class ExampleScan {
  private final AppendFile file;
  private final Path path;
  private final int pictureBytes;
  private final Consumer<String> log;
  private final List<Example> examples = new ArrayList<>();
  private final byte[] payload;

  private ExampleScan(AppendFile file, Path path, int pictureBytes, Consumer<String> log) {
    this.file = file;
    this.path = path;
    this.pictureBytes = pictureBytes;
    this.log = log;
    this.payload = new byte[ExampleRecord.mostPayload(pictureBytes)];
  }

  /**
   * All sound examples, in order; afterwards the file ends where the next one goes.
   *
   * @throws ServiceException if the file is none of this kind, or of pictures of another shape
   * @throws IOException if it cannot be read or cut
   */
  static List<Example> run(AppendFile file, Path path, FeatureMap input, Consumer<String> log)
      throws IOException {
    ExampleScan scan = new ExampleScan(file, path, input.values(), log);
    if (scan.readHeader(input)) {
      scan.readRecords();
    }
    return scan.examples;
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
    long damagedAt = -1;
    int damaged = 0;
    long kept = at;
    while (at < end) {
      int length = payloadLength(at, end);
      if (length < 0) {
        break;
      }
      Example example = readPayload(at, length);
      at += ExampleRecord.PREFIX + length;
      if (example == null) {
        damagedAt = damagedAt < 0 ? at - ExampleRecord.PREFIX - length : damagedAt;
        damaged++;
        continue;
      }
      if (damagedAt >= 0) {
        log.accept(
            "Passed over %d damaged examples at byte %d of %s; the others are kept."
                .formatted(damaged, damagedAt, path));
        damagedAt = -1;
        damaged = 0;
      }
      examples.add(example);
      kept = at;
    }
    if (kept < end) {
      log.accept(
          "Cut %d bytes off the end of %s, which were written only in part; no example that was"
                  .formatted(end - kept, path)
              + " acknowledged is among them.");
      file.truncate(kept);
      file.force();
    }
  }

  /** The length of the payload of the record there, or -1 if the file holds no whole one. */
  private int payloadLength(long at, long end) throws IOException {
    if (end - at < ExampleRecord.PREFIX) {
      return -1;
    }
    ByteBuffer prefix = ByteBuffer.allocate(4);
    fill(prefix, at);
    int length = prefix.getInt(0);
    boolean whole =
        ExampleRecord.isPlausible(length, pictureBytes)
            && length <= end - at - ExampleRecord.PREFIX;
    return whole ? length : -1;
  }

  private @Nullable Example readPayload(long at, int length) throws IOException {
    ByteBuffer crc = ByteBuffer.allocate(4);
    fill(crc, at + 4);
    long position = at + ExampleRecord.PREFIX;
    fill(ByteBuffer.wrap(payload, 0, length), position);
    return ExampleRecord.decode(payload, length, crc.getInt(0), pictureBytes, position);
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
