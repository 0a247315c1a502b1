package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.files.SegmentIo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A protocol buffers message, written field by field; a message that becomes part of another is not
 * copied, as a tensor may be large.
 *
 * <p>Source: the wire format's description, protobuf.dev/programming-guides/encoding.
 */
final class ProtoMessage {
  private static final int VARINT = 0;
  private static final int LENGTH_DELIMITED = 2;
  private static final int FIXED_32 = 5;

  /** Everything before the field at hand. */
  private final List<byte[]> parts = new ArrayList<>();

  private final ByteArrayOutputStream last = new ByteArrayOutputStream();
  private long finished;

  /** Adds a whole number. */
  ProtoMessage number(int field, long value) {
    tag(field, VARINT);
    varint(value);
    return this;
  }

  /** Adds a float. */
  ProtoMessage real(int field, float value) {
    tag(field, FIXED_32);
    int bits = Float.floatToRawIntBits(value);
    for (int shift = 0; shift < 32; shift += 8) {
      last.write(bits >>> shift);
    }
    return this;
  }

  /** Adds a string, as UTF-8. */
  ProtoMessage text(int field, String value) {
    return bytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  /** Adds bytes, which are not copied. */
  ProtoMessage bytes(int field, byte[] value) {
    tag(field, LENGTH_DELIMITED);
    varint(value.length);
    finishPart();
    part(value);
    return this;
  }

  /** Adds a message, to which nothing must be added afterwards. */
  ProtoMessage message(int field, ProtoMessage value) {
    tag(field, LENGTH_DELIMITED);
    varint(value.size());
    finishPart();
    value.finishPart();
    value.parts.forEach(this::part);
    return this;
  }

  /** Bytes of the message so far. */
  long size() {
    return finished + last.size();
  }

  /** Writes the message. */
  void writeTo(WritableByteChannel channel) throws IOException {
    finishPart();
    for (byte[] part : parts) {
      SegmentIo.writeAll(channel, ByteBuffer.wrap(part));
    }
  }

  private void tag(int field, int kind) {
    varint(((long) field << 3) | kind);
  }

  /** Seven bits a byte, the lowest first; all but the last byte have the highest bit set. */
  private void varint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      last.write((int) ((rest & 0x7F) | 0x80));
      rest >>>= 7;
    }
    last.write((int) rest);
  }

  private void finishPart() {
    if (last.size() > 0) {
      part(last.toByteArray());
      last.reset();
    }
  }

  private void part(byte[] part) {
    parts.add(part);
    finished += part.length;
  }
}
