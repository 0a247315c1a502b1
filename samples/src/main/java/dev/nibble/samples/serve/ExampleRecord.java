package dev.nibble.samples.serve;

import dev.nibble.kernels.FeatureMap;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * An example as bytes: length and CRC-32C of what follows, then id, time, label and pixels.
 *
 * <p>One that was deleted is erased in its place: its label has no letters, and its checksum is of
 * its first bytes only, so that what was the picture can be overwritten whenever nobody reads it.
 *
 * <p>The pixels are those that the network reads, not the file that arrived: nothing has to be
 * decoded again, and a record's size is known.
 */
final class ExampleRecord {
  /** Bytes before a record's payload: its length and its checksum. */
  static final int PREFIX = 8;

  /** Bytes at the start of the file: a mark, the shape of a picture, a checksum. */
  static final int HEADER = 24;

  private static final long MARK = 0x4E69_6262_6C65_4531L; // "NibbleE1"
  private static final int FIXED = 18;

  /** Bytes that are written where an example is erased. */
  static final int ERASED = PREFIX + FIXED;

  private ExampleRecord() {}

  /** The start of a file of pictures of that shape. */
  static ByteBuffer header(FeatureMap input) {
    ByteBuffer buffer = ByteBuffer.allocate(HEADER);
    buffer.putLong(MARK).putInt(input.height()).putInt(input.width()).putInt(input.channels());
    buffer.putInt(crc(buffer.array(), 0, HEADER - 4));
    return buffer.flip();
  }

  /** The shape that a header gives, or null if it is none, or no picture has such a shape. */
  static @Nullable FeatureMap shape(byte[] bytes) {
    ByteBuffer header = ByteBuffer.wrap(bytes);
    if (header.getLong(0) != MARK || header.getInt(HEADER - 4) != crc(bytes, 0, HEADER - 4)) {
      return null;
    }
    try {
      return new FeatureMap(header.getInt(8), header.getInt(12), header.getInt(16));
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** A whole record, prefix included. */
  static ByteBuffer encode(long id, long time, String label, byte[] pixels) {
    byte[] name = label.getBytes(StandardCharsets.UTF_8);
    int payload = FIXED + name.length + pixels.length;
    ByteBuffer buffer = ByteBuffer.allocate(PREFIX + payload);
    buffer.putInt(payload).putInt(0).putLong(id).putLong(time).putShort((short) name.length);
    buffer.put(name).put(pixels);
    buffer.putInt(4, crc(buffer.array(), PREFIX, payload));
    return buffer.flip();
  }

  /** Bytes of the longest record, prefix included. */
  static int most(int pictureBytes) {
    return PREFIX + FIXED + Labels.MOST_BYTES + pictureBytes;
  }

  /**
   * Reads the record that begins at {@code bytes[from]}, if one does.
   *
   * @param count bytes that are there from {@code from} on
   * @param position where {@code bytes[from]} is in the file
   * @return null if what is there is no whole record, or its checksum is wrong
   */
  static @Nullable Example decode(
      byte[] bytes, int from, int count, int pictureBytes, long position) {
    if (count < PREFIX + FIXED) {
      return null;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes, from, count);
    int payload = buffer.getInt();
    int crc = buffer.getInt();
    long id = buffer.getLong();
    long time = buffer.getLong();
    int letters = buffer.getShort();
    // The lengths first: where records are searched for, they rule out nearly all places.
    if (letters < 1
        || letters > Labels.MOST_BYTES
        || payload != FIXED + letters + pictureBytes
        || payload > count - PREFIX
        || crc != crc(bytes, from + PREFIX, payload)) {
      return null;
    }
    int name = PREFIX + FIXED;
    String label = new String(bytes, from + name, letters, StandardCharsets.UTF_8);
    return new Example(id, label.intern(), time, position + name + letters);
  }

  /** An example that was deleted: its id, and its bytes, prefix included. */
  record Erased(long id, int length) {}

  /** What is written over the start of an example that is deleted. */
  static ByteBuffer erase(Example example, int pictureBytes) {
    ByteBuffer buffer = ByteBuffer.allocate(ERASED);
    buffer.putInt(length(example, pictureBytes) - PREFIX).putInt(0).putLong(example.id());
    buffer.putInt(4, crc(buffer.array(), PREFIX, FIXED));
    return buffer.rewind();
  }

  /**
   * Reads the start of an erased example. Only where a record is known to begin: a picture could
   * hold the same bytes.
   *
   * @param count bytes that are there from {@code from} on
   * @return null if there is none
   */
  static @Nullable Erased erased(byte[] bytes, int from, int count, int pictureBytes) {
    if (count < ERASED) {
      return null;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes, from, count);
    int payload = buffer.getInt();
    int crc = buffer.getInt();
    long id = buffer.getLong();
    int letters = payload - FIXED - pictureBytes;
    if (letters < 1
        || letters > Labels.MOST_BYTES
        || buffer.getLong() != 0
        || buffer.getShort() != 0
        || crc != crc(bytes, from + PREFIX, FIXED)) {
      return null;
    }
    return new Erased(id, PREFIX + payload);
  }

  /** Bytes of a label. */
  static int labelBytes(String label) {
    return label.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Where an example's record begins. */
  static long start(Example example) {
    return example.pixels() - labelBytes(example.label()) - FIXED - PREFIX;
  }

  /** Bytes of an example's record, prefix included. */
  static int length(Example example, int pictureBytes) {
    return PREFIX + FIXED + labelBytes(example.label()) + pictureBytes;
  }

  private static int crc(byte[] bytes, int from, int count) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, count);
    return (int) crc.getValue();
  }
}
