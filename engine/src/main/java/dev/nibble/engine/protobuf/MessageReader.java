package dev.nibble.engine.protobuf;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.function.DoubleConsumer;
import java.util.function.LongConsumer;

/**
 * Reads a message field by field; fields that nobody asks for are passed over.
 *
 * <p>No byte is trusted: every length must lie within the message that claims it, messages nest 100
 * deep at most (as Google's parsers have it), groups are refused, and what is put on the heap is
 * taken from a {@link HeapBudget}. Every method throws {@link ProtobufException} where the bytes
 * are not what it reads.
 */
public final class MessageReader {
  private static final int MAX_DEPTH = 100;
  private static final int OBJECT_BYTES = 128;

  private final ByteSource source;
  private final HeapBudget budget;
  private final int depth;
  private final long end;

  /** The next byte that is not read yet. */
  private long at;

  private int field;
  private int type;

  /** Of the field at hand: its value, if it is no bytes, else where they begin. */
  private long value;

  private MessageReader(ByteSource source, HeapBudget budget, int depth, long start, long end) {
    this.source = source;
    this.budget = budget;
    this.depth = depth;
    this.at = start;
    this.end = end;
  }

  /** Reads a whole file as one message. */
  public static MessageReader of(ByteSource source, HeapBudget budget) {
    return new MessageReader(source, budget, 0, 0, source.size());
  }

  /** Reads a part of a file as one message, whose place {@link #position} told before. */
  public static MessageReader of(ByteSource source, HeapBudget budget, long start, long length) {
    if (start < 0 || length < 0 || length > source.size() - start) {
      throw new ProtobufException("a message does not lie within the file");
    }
    return new MessageReader(source, budget, 0, start, start + length);
  }

  /** Goes to the next field; false behind the last. */
  public boolean next() {
    if (at == end) {
      return false;
    }
    long start = at;
    long tag = varint();
    field = (int) (tag >>> 3);
    type = (int) (tag & 7);
    if (tag >>> 32 != 0 || field == 0) {
      throw new ProtobufException("byte %d begins no field".formatted(start));
    }
    switch (type) {
      case WireType.VARINT -> value = varint();
      case WireType.FIXED_64 -> value = little(8);
      case WireType.FIXED_32 -> value = little(4);
      case WireType.BYTES -> {
        long length = varint();
        if (length < 0 || length > end - at) {
          throw new ProtobufException(
              "field %d at byte %d claims %s bytes, but %d are left: copy or export it again"
                  .formatted(field, start, Long.toUnsignedString(length), end - at));
        }
        value = at;
        at += length;
      }
      case WireType.START_GROUP, WireType.END_GROUP ->
          throw new ProtobufException("a group begins or ends at byte " + start);
      default -> throw new ProtobufException("byte %d begins no field".formatted(start));
    }
    return true;
  }

  /** Number of the field at hand. */
  public int field() {
    return field;
  }

  /** A whole number. */
  public long integer() {
    require(WireType.VARINT, "a whole number");
    return value;
  }

  /** A whole number that fits an int. */
  public int int32() {
    long number = integer();
    if (number != (int) number) {
      throw new ProtobufException("field %d is %d, which is no int".formatted(field, number));
    }
    return (int) number;
  }

  /** A float. */
  public float float32() {
    require(WireType.FIXED_32, "a float");
    return Float.intBitsToFloat((int) value);
  }

  /** A string. */
  public String text() {
    require(WireType.BYTES, "a string");
    // Java's strings have up to two bytes for each of UTF-8's, and are decoded through a copy.
    budget.take(OBJECT_BYTES + 4 * length());
    byte[] utf8 = new byte[(int) length()];
    source.read(value, ByteBuffer.wrap(utf8));
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
    } catch (CharacterCodingException e) {
      throw new ProtobufException("the text at byte %d is not UTF-8".formatted(value));
    }
  }

  /** A message within this one; read it before this one goes on or after, as you like. */
  public MessageReader message() {
    require(WireType.BYTES, "a message");
    if (depth == MAX_DEPTH) {
      throw new ProtobufException("its messages nest more than %d deep".formatted(MAX_DEPTH));
    }
    budget.take(OBJECT_BYTES);
    return new MessageReader(source, budget, depth + 1, value, at);
  }

  /** Where the bytes of the field at hand begin in the file. */
  public long position() {
    require(WireType.BYTES, "bytes");
    return value;
  }

  /** How many bytes the field at hand has. */
  public long length() {
    require(WireType.BYTES, "bytes");
    return at - value;
  }

  /** Hands on a repeated field's whole numbers, packed or one by one. */
  public void integers(LongConsumer consumer) {
    if (type == WireType.VARINT) {
      accept(consumer, value);
      return;
    }
    MessageReader packed = message();
    while (!packed.atEnd()) {
      accept(consumer, packed.readVarint());
    }
  }

  private void accept(LongConsumer consumer, long number) {
    budget.take(2 * Long.BYTES);
    consumer.accept(number);
  }

  /** Hands on a repeated field's floats, packed or one by one. */
  public void floats(DoubleConsumer consumer) {
    if (type == WireType.FIXED_32) {
      budget.take(2 * Long.BYTES);
      consumer.accept(float32());
      return;
    }
    MessageReader packed = message();
    while (!packed.atEnd()) {
      budget.take(2 * Long.BYTES);
      consumer.accept(Float.intBitsToFloat((int) packed.readFixed(4)));
    }
  }

  /** Whether the message, or packed field, is read to its end. */
  public boolean atEnd() {
    return at == end;
  }

  /** Whether the field at hand is packed: {@link #message} then gives its numbers. */
  public boolean isBytes() {
    return type == WireType.BYTES;
  }

  /** The value of the field at hand, which is a number in itself, as raw bits. */
  public long bits() {
    if (type == WireType.BYTES) {
      throw new ProtobufException("field %d is bytes, not a number".formatted(field));
    }
    return value;
  }

  /** Reads the next number of a packed field. */
  public long readVarint() {
    return varint();
  }

  /** Reads the next number of a packed field, of four or eight bytes. */
  public long readFixed(int bytes) {
    return little(bytes);
  }

  private void require(int wanted, String what) {
    if (type != wanted) {
      throw new ProtobufException("field %d near byte %d is not %s".formatted(field, at, what));
    }
  }

  private long varint() {
    long start = at;
    long number = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at == end) {
        throw new ProtobufException("the number at byte %d is cut off".formatted(start));
      }
      byte next = source.get(at++);
      number |= (long) (next & 0x7F) << shift;
      if (next >= 0) {
        return number;
      }
    }
    throw new ProtobufException("the number at byte %d has over ten bytes".formatted(start));
  }

  private long little(int bytes) {
    if (end - at < bytes) {
      throw new ProtobufException("the number at byte %d is cut off".formatted(at));
    }
    long number = 0;
    for (int i = 0; i < bytes; i++) {
      number |= (source.get(at++) & 0xFFL) << (8 * i);
    }
    return number;
  }
}
