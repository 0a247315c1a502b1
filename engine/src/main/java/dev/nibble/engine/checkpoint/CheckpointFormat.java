package dev.nibble.engine.checkpoint;

import dev.nibble.engine.files.SegmentIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The bytes of a checkpoint, little-endian.
 *
 * <pre>
 *   0        "NIBBLECP"
 *   8        u32 version, 1
 *  12        u32 H, bytes of the header
 *  16        header, JSON in UTF-8: meta and the lengths of the sections
 *  16+H      the sections, one after the other
 *  then      u32 CRC-32C of each section, to name the damaged one
 *  then      SHA-256 of all before, so that no flipped bit passes
 * </pre>
 */
final class CheckpointFormat {
  static final byte[] MAGIC = "NIBBLECP".getBytes(StandardCharsets.US_ASCII);
  static final int VERSION = 1;

  /** Magic, version, length of the header. */
  static final int PREFIX_BYTES = 16;

  static final int CRC_BYTES = 4;
  static final int DIGEST_BYTES = 32;

  private CheckpointFormat() {}

  /**
   * Writes a whole checkpoint.
   *
   * @throws IllegalArgumentException if two sections have one name
   */
  static void write(WritableByteChannel out, CheckpointMeta meta, List<Section> sections)
      throws IOException {
    Map<String, Long> lengths = new LinkedHashMap<>();
    for (Section section : sections) {
      if (lengths.put(section.name(), section.data().byteSize()) != null) {
        throw new IllegalArgumentException("two sections are called '" + section.name() + "'");
      }
    }
    byte[] header = new CheckpointHeader(meta, lengths).toUtf8();
    Sums sums = new Sums();
    WritableByteChannel summed = sums.over(out);
    SegmentIo.writeAll(
        summed,
        littleEndian(new byte[PREFIX_BYTES + header.length])
            .put(MAGIC)
            .putInt(VERSION)
            .putInt(header.length)
            .put(header)
            .flip());
    ByteBuffer crcs = littleEndian(new byte[CRC_BYTES * sections.size()]);
    for (Section section : sections) {
      sums.restartCrc();
      SegmentIo.write(summed, section.data());
      crcs.putInt(sums.crc());
    }
    SegmentIo.writeAll(summed, crcs.flip());
    SegmentIo.writeAll(out, ByteBuffer.wrap(sums.sha256()));
  }

  static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
