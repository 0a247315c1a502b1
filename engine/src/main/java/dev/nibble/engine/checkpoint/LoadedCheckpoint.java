package dev.nibble.engine.checkpoint;

import static dev.nibble.engine.checkpoint.CheckpointFormat.CRC_BYTES;
import static dev.nibble.engine.checkpoint.CheckpointFormat.DIGEST_BYTES;
import static dev.nibble.engine.checkpoint.CheckpointFormat.PREFIX_BYTES;

import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.files.SegmentIo;
import dev.nibble.engine.json.JsonException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An open checkpoint whose every byte was found undamaged.
 *
 * <p>It stays readable while it is open, even if a newer one replaces it in its folder.
 */
public final class LoadedCheckpoint implements AutoCloseable {
  private static final int MAX_HEADER_BYTES = 1 << 24;
  private static final int BUFFER_BYTES = 1 << 16;

  /** Where a section lies in the file, and the checksum that was found right. */
  private record Place(long start, long bytes, int crc) {}

  private final Path path;
  private final FileChannel channel;
  private final CheckpointMeta meta;
  private final Map<String, Place> places;

  private LoadedCheckpoint(
      Path path, FileChannel channel, CheckpointMeta meta, Map<String, Place> places) {
    this.path = path;
    this.channel = channel;
    this.meta = meta;
    this.places = places;
  }

  /**
   * Opens a checkpoint and reads it once through to check it.
   *
   * @throws CheckpointException if it cannot be read, is of another version, truncated or damaged
   */
  public static LoadedCheckpoint open(Path path) {
    // Opening a pipe would wait for its other end.
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new CheckpointException(path + " is no regular file, give a checkpoint.");
    }
    FileChannel channel;
    try {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot open checkpoint " + path + ": " + AtomicFile.reason(e) + ".", e);
    }
    try {
      return verified(path, channel);
    } catch (Throwable e) {
      try {
        channel.close();
      } catch (IOException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private static LoadedCheckpoint verified(Path path, FileChannel channel) {
    try {
      long size = channel.size();
      if (size < PREFIX_BYTES + DIGEST_BYTES) {
        throw damaged(path, "it has only " + size + " bytes", null);
      }
      Sums sums = new Sums();
      ByteBuffer prefix = CheckpointFormat.littleEndian(read(channel, 0, PREFIX_BYTES, sums));
      byte[] magic = new byte[CheckpointFormat.MAGIC.length];
      prefix.get(magic);
      if (!Arrays.equals(magic, CheckpointFormat.MAGIC)) {
        throw damaged(path, "it does not begin as a checkpoint does", null);
      }
      int version = prefix.getInt();
      if (version != CheckpointFormat.VERSION) {
        throw new CheckpointException(
            "Checkpoint %s has format version %d, but this program reads version %d."
                .formatted(path, version, CheckpointFormat.VERSION));
      }
      int headerBytes = prefix.getInt();
      if (headerBytes < 0
          || headerBytes > MAX_HEADER_BYTES
          || headerBytes > size - PREFIX_BYTES - DIGEST_BYTES) {
        throw damaged(path, "the length of its header is impossible", null);
      }
      CheckpointHeader header =
          CheckpointHeader.parse(read(channel, PREFIX_BYTES, headerBytes, sums));
      long dataStart = PREFIX_BYTES + (long) headerBytes;
      long crcStart = dataStart + header.dataBytes();
      long needed = crcStart + (long) CRC_BYTES * header.sections().size() + DIGEST_BYTES;
      if (size != needed) {
        throw damaged(path, "it has %d bytes instead of %d".formatted(size, needed), null);
      }
      ByteBuffer crcs =
          CheckpointFormat.littleEndian(
              read(channel, crcStart, CRC_BYTES * header.sections().size(), new Sums()));
      Map<String, Place> places = new LinkedHashMap<>();
      long at = dataStart;
      for (Map.Entry<String, Long> section : header.sections().entrySet()) {
        Place place = new Place(at, section.getValue(), crcs.getInt());
        sums.restartCrc();
        sum(channel, place, sums);
        if (sums.crc() != place.crc()) {
          throw damaged(path, "the checksum of its '" + section.getKey() + "' is wrong", null);
        }
        places.put(section.getKey(), place);
        at += place.bytes();
      }
      sums.write(crcs.rewind());
      byte[] digest = read(channel, size - DIGEST_BYTES, DIGEST_BYTES, new Sums());
      if (!Arrays.equals(digest, sums.sha256())) {
        throw damaged(path, "its checksum is wrong", null);
      }
      return new LoadedCheckpoint(path, channel, header.meta(), places);
    } catch (JsonException | IllegalArgumentException | ArithmeticException e) {
      throw damaged(path, "its header does not read: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot read checkpoint " + path + ": " + AtomicFile.reason(e) + ".", e);
    }
  }

  /** Returns the path this checkpoint was opened by. */
  public Path path() {
    return path;
  }

  /** Returns what is no tensor. */
  public CheckpointMeta meta() {
    return meta;
  }

  /** Returns the bytes of each section, in the order of the file. */
  public Map<String, Long> sections() {
    Map<String, Long> sections = new LinkedHashMap<>();
    places.forEach((name, place) -> sections.put(name, place.bytes()));
    return sections;
  }

  /**
   * Checks that the checkpoint is of this network.
   *
   * @throws CheckpointException naming the first word of the description that differs
   */
  public void requireModel(Map<String, String> model) {
    Map<String, String> names = new LinkedHashMap<>(meta.model());
    names.putAll(model);
    for (String name : names.keySet()) {
      String there = meta.model().get(name);
      String here = model.get(name);
      if (there == null || !there.equals(here)) {
        throw new CheckpointException(
            "Checkpoint %s is of another network: its %s is %s, here it is %s."
                .formatted(path, name, orNone(there), orNone(here)));
      }
    }
  }

  /**
   * Checks that the checkpoint has these sections, with these bytes, and no other.
   *
   * @throws CheckpointException naming the first that differs
   */
  public void requireSections(Map<String, Long> expected) {
    Map<String, Long> there = sections();
    Map<String, Long> names = new LinkedHashMap<>(expected);
    names.putAll(there);
    for (String name : names.keySet()) {
      Long found = there.get(name);
      Long needed = expected.get(name);
      if (found == null || !found.equals(needed)) {
        throw new CheckpointException(
            "Checkpoint %s is of another network: section '%s' is %s, here it is %s."
                .formatted(path, name, bytes(found), bytes(needed)));
      }
    }
  }

  /**
   * Copies a section into memory of exactly its size, and checks it once more as it arrives.
   *
   * @throws CheckpointException if there is no such section, it has another size than the target,
   *     or the file was changed since it was opened
   */
  public void copySection(String name, MemorySegment target) {
    Place place = places.get(name);
    if (place == null || place.bytes() != target.byteSize()) {
      throw new CheckpointException(
          "Checkpoint %s is of another network: section '%s' is %s, here it is %s."
              .formatted(
                  path,
                  name,
                  bytes(place == null ? null : place.bytes()),
                  bytes(target.byteSize())));
    }
    Sums sums = new Sums();
    try {
      SegmentIo.read(channel, place.start(), target);
      SegmentIo.write(sums, target);
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot read '" + name + "' of checkpoint " + path + ": " + AtomicFile.reason(e) + ".",
          e);
    }
    if (sums.crc() != place.crc()) {
      throw damaged(path, "its '" + name + "' was changed while it was open", null);
    }
  }

  /** Closes the file; what was copied from it stays. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot close checkpoint " + path + ": " + AtomicFile.reason(e) + ".", e);
    }
  }

  private static byte[] read(FileChannel channel, long start, int bytes, Sums sums)
      throws IOException {
    byte[] read = new byte[bytes];
    SegmentIo.fill(channel, start, ByteBuffer.wrap(read));
    sums.write(ByteBuffer.wrap(read));
    return read;
  }

  private static void sum(FileChannel channel, Place place, Sums sums) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    for (long at = 0; at < place.bytes(); at += BUFFER_BYTES) {
      buffer.clear().limit((int) Math.min(BUFFER_BYTES, place.bytes() - at));
      SegmentIo.fill(channel, place.start() + at, buffer);
      sums.write(buffer.flip());
    }
  }

  private static String orNone(@Nullable String value) {
    return value == null ? "not there" : value;
  }

  private static String bytes(@Nullable Long bytes) {
    return bytes == null ? "not there" : bytes + " bytes";
  }

  private static CheckpointException damaged(Path path, String why, @Nullable Throwable cause) {
    String sentence = "Checkpoint " + path + " is damaged: " + why + ".";
    return cause == null
        ? new CheckpointException(sentence)
        : new CheckpointException(sentence, cause);
  }
}
