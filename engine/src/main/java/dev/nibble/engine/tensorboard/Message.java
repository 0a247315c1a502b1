package dev.nibble.engine.tensorboard;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A message in <a href="https://protobuf.dev/programming-guides/encoding/">Protocol Buffers'
 * encoding</a>, built field by field. Used again and again, so that it allocates only to grow.
 */
final class Message {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private byte[] bytes = new byte[512];
  private int size;

  void clear() {
    size = 0;
  }

  /** The encoded fields; the first {@link #size} bytes count. */
  byte[] bytes() {
    return bytes;
  }

  int size() {
    return size;
  }

  void integer(int field, long value) {
    tag(field, VARINT);
    varint(value);
  }

  void floating(int field, float value) {
    tag(field, FIXED32);
    little(Float.floatToRawIntBits(value), 4);
  }

  void floating(int field, double value) {
    tag(field, FIXED64);
    little(Double.doubleToRawLongBits(value), 8);
  }

  /** A packed repeated field. */
  void floating(int field, double[] values, int count) {
    tag(field, BYTES);
    varint(8L * count);
    for (int i = 0; i < count; i++) {
      little(Double.doubleToRawLongBits(values[i]), 8);
    }
  }

  void text(int field, String value) {
    bytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  void bytes(int field, byte[] value) {
    bytes(field, value, value.length);
  }

  void message(int field, Message value) {
    bytes(field, value.bytes, value.size);
  }

  private void bytes(int field, byte[] value, int length) {
    tag(field, BYTES);
    varint(length);
    reserve(length);
    System.arraycopy(value, 0, bytes, size, length);
    size += length;
  }

  private void tag(int field, int type) {
    varint((long) field << 3 | type);
  }

  private void varint(long value) {
    reserve(10);
    long left = value;
    while ((left & ~0x7fL) != 0) {
      bytes[size++] = (byte) (left | 0x80);
      left >>>= 7;
    }
    bytes[size++] = (byte) left;
  }

  private void little(long value, int length) {
    reserve(length);
    for (int i = 0; i < length; i++) {
      bytes[size++] = (byte) (value >>> (8 * i));
    }
  }

  private void reserve(int length) {
    if (bytes.length - size < length) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + length));
    }
  }
}
