package dev.nibble.engine.tensorboard;

import dev.nibble.engine.files.Disk;
import dev.nibble.engine.protobuf.MessageWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A file of records as TensorFlow frames them: the length (64 bits), its checksum, the data, their
 * checksum, all little-endian. Each record is written at once, so that a reader sees it and a kill
 * leaves whole ones.
 *
 * <p>Source: TensorFlow, {@code tensorflow/core/lib/io/record_writer.h}.
 */
final class EventFile implements AutoCloseable {
  private static final int FRAME = 8 + 4 + 4;
  private static final int MASK = 0xa282ead8;

  private final Path path;
  private final Disk.Sink sink;
  private final CRC32C crc = new CRC32C();
  private ByteBuffer record = buffer(4096);

  private EventFile(Path path, Disk.Sink sink) {
    this.path = path;
    this.sink = sink;
  }

  /**
   * Creates a file with the name that TensorBoard looks for and no other file has.
   *
   * @param seconds since 1970
   * @throws IOException if the folder or the file cannot be created
   */
  static EventFile create(Disk disk, Path folder, long seconds) throws IOException {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new FileSystemException(folder.toString(), null, "it is a file");
    }
    Files.createDirectories(folder);
    String name = String.format(Locale.ROOT, "events.out.tfevents.%010d.%s", seconds, host());
    Path path = folder.resolve(name);
    for (int i = 1; Files.exists(path); i++) {
      path = folder.resolve(name + "." + i);
    }
    return new EventFile(path, disk.create(path));
  }

  /** The machine's name without asking a network for it. */
  private static String host() {
    String name = firstOf(System.getenv("HOSTNAME"), System.getenv("COMPUTERNAME"));
    if (name.isEmpty()) {
      try {
        name = Files.readString(Path.of("/etc/hostname")).strip();
      } catch (IOException e) {
        name = "";
      }
    }
    String safe = name.replaceAll("[^A-Za-z0-9._-]", "_");
    return safe.isEmpty() ? "localhost" : safe.substring(0, Math.min(safe.length(), 64));
  }

  private static String firstOf(@Nullable String one, @Nullable String other) {
    if (one != null && !one.isBlank()) {
      return one.strip();
    }
    return other == null ? "" : other.strip();
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  Path path() {
    return path;
  }

  /**
   * Writes a message as one record.
   *
   * @throws IOException if the disk does not take all of it
   */
  void write(MessageWriter message) throws IOException {
    int length = Math.toIntExact(message.size());
    if (record.capacity() < length + FRAME) {
      record = buffer(2 * (length + FRAME));
    }
    record.clear();
    record.putLong(length).flip();
    crc.reset();
    crc.update(record);
    record.limit(record.capacity());
    record.putInt(masked());
    int start = record.position();
    message.putInto(record);
    record.flip().position(start);
    crc.reset();
    crc.update(record);
    record.limit(record.capacity());
    record.putInt(masked());
    record.flip();
    while (record.hasRemaining()) {
      sink.write(record);
    }
  }

  /** Masked, because a checksum over data that holds its own checksum is a bad one. */
  private int masked() {
    int sum = (int) crc.getValue();
    return (sum >>> 15 | sum << 17) + MASK;
  }

  @Override
  public void close() throws IOException {
    sink.close();
  }
}
