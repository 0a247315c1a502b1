package dev.nibble.engine.protobuf;

import dev.nibble.engine.files.SegmentIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A message, built field by field. Used again and again it allocates only to grow; large arrays are
 * not copied, neither into the message nor into others that hold it, as a tensor may be large.
 */
public final class MessageWriter {
  /** Shorter arrays are copied: a block of their own would cost more. */
  private static final int LEAST_BLOCK = 4096;

  /** Fields in a row, without the blocks. */
  private byte[] bytes = new byte[64];

  private int size;

  /** Arrays that belong between them, and before which of the bytes each stands. */
  private final List<byte[]> blocks = new ArrayList<>(0);

  private int[] places = new int[0];
  private long blockBytes;

  /** Makes an empty message. */
  public MessageWriter() {}

  /** Forgets all fields; the memory stays for the next ones. */
  public void clear() {
    size = 0;
    blocks.clear();
    blockBytes = 0;
  }

  /** Bytes of the message so far. */
  public long size() {
    return size + blockBytes;
  }

  /** Adds a whole number. */
  public MessageWriter integer(int field, long value) {
    tag(field, WireType.VARINT);
    varint(value);
    return this;
  }

  /** Adds a float. */
  public MessageWriter floating(int field, float value) {
    tag(field, WireType.FIXED_32);
    little(Float.floatToRawIntBits(value), 4);
    return this;
  }

  /** Adds a double. */
  public MessageWriter floating(int field, double value) {
    tag(field, WireType.FIXED_64);
    little(Double.doubleToRawLongBits(value), 8);
    return this;
  }

  /** Adds the first {@code count} doubles as a packed repeated field. */
  public MessageWriter floating(int field, double[] values, int count) {
    tag(field, WireType.BYTES);
    varint(8L * count);
    for (int i = 0; i < count; i++) {
      little(Double.doubleToRawLongBits(values[i]), 8);
    }
    return this;
  }

  /** Adds whole numbers as a packed repeated field. */
  public MessageWriter integers(int field, long... values) {
    MessageWriter packed = new MessageWriter();
    for (long value : values) {
      packed.varint(value);
    }
    return message(field, packed);
  }

  /** Adds a string, as UTF-8. */
  public MessageWriter text(int field, String value) {
    return bytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  /** Adds bytes, which must not change until the message is written. */
  public MessageWriter bytes(int field, byte[] value) {
    tag(field, WireType.BYTES);
    varint(value.length);
    if (value.length < LEAST_BLOCK) {
      append(value, value.length);
    } else {
      block(value, size);
    }
    return this;
  }

  /** Adds a message as it is now. */
  public MessageWriter message(int field, MessageWriter value) {
    tag(field, WireType.BYTES);
    varint(value.size());
    int start = size;
    append(value.bytes, value.size);
    for (int i = 0; i < value.blocks.size(); i++) {
      block(value.blocks.get(i), start + value.places[i]);
    }
    return this;
  }

  /** Writes the message. */
  public void writeTo(WritableByteChannel channel) throws IOException {
    int from = 0;
    for (int i = 0; i < blocks.size(); i++) {
      SegmentIo.writeAll(channel, ByteBuffer.wrap(bytes, from, places[i] - from));
      SegmentIo.writeAll(channel, ByteBuffer.wrap(blocks.get(i)));
      from = places[i];
    }
    SegmentIo.writeAll(channel, ByteBuffer.wrap(bytes, from, size - from));
  }

  /**
   * Puts the message into a buffer.
   *
   * @throws java.nio.BufferOverflowException if there is less room than {@link #size}
   */
  public void putInto(ByteBuffer target) {
    int from = 0;
    for (int i = 0; i < blocks.size(); i++) {
      target.put(bytes, from, places[i] - from).put(blocks.get(i));
      from = places[i];
    }
    target.put(bytes, from, size - from);
  }

  private void block(byte[] value, int place) {
    int index = blocks.size();
    if (index == places.length) {
      places = Arrays.copyOf(places, Math.max(4, 2 * index));
    }
    places[index] = place;
    blocks.add(value);
    blockBytes += value.length;
  }

  private void append(byte[] value, int length) {
    reserve(length);
    System.arraycopy(value, 0, bytes, size, length);
    size += length;
  }

  private void tag(int field, int type) {
    varint((long) field << 3 | type);
  }

  /** Seven bits a byte, the lowest first; all but the last byte have the highest bit set. */
  private void varint(long value) {
    reserve(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[size++] = (byte) rest;
  }

  private void little(long value, int length) {
    reserve(length);
    for (int i = 0; i < length; i++) {
      bytes[size++] = (byte) (value >>> (8 * i));
    }
  }

  private void reserve(int length) {
    if (bytes.length - size < length) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, Math.addExact(size, length)));
    }
  }
}
