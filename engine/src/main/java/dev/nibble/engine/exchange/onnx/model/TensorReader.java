package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.protobuf.ByteSource;
import dev.nibble.engine.protobuf.MessageReader;
import dev.nibble.engine.protobuf.ProtobufException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads TensorProto messages; field numbers are those of onnx.proto. */
final class TensorReader {
  static final int FLOAT_DATA = 4;
  static final int INT32_DATA = 5;
  static final int INT64_DATA = 7;
  static final int DOUBLE_DATA = 10;
  static final int UINT64_DATA = 11;

  /** More than an axis for everything that a picture has; ONNX itself sets no bound. */
  static final int MAX_RANK = 16;

  private static final int STRING_DATA = 6;
  private static final int RAW_DATA = 9;

  private final ByteSource file;
  private final ExternalFiles external;

  TensorReader(ByteSource file, ExternalFiles external) {
    this.file = file;
    this.external = external;
  }

  /** Reads the message that is the field at hand of the reader. */
  TensorData read(MessageReader parent) {
    final long start = parent.position();
    final long length = parent.length();
    MessageReader message = parent.message();
    LongList dims = new LongList();
    Map<String, String> outside = new LinkedHashMap<>();
    String name = "";
    long code = 0;
    long rawStart = -1;
    long rawBytes = 0;
    boolean isOutside = false;
    while (message.next()) {
      switch (message.field()) {
        case 1 -> message.integers(dims::add);
        case 2 -> code = message.integer();
        case 3 ->
            throw new ProtobufException("tensor '%s' is a segment of another".formatted(name));
        case 8 -> name = message.text();
        case RAW_DATA -> {
          rawStart = message.position();
          rawBytes = message.length();
        }
        case 13 -> StringEntry.read(message.message()).putInto(outside);
        case 14 -> isOutside = message.integer() == 1;
        default -> {
          // typed data is read when it is asked for
        }
      }
    }
    ElementType type = type(name, code);
    long[] extents = dims.toArray();
    long elements = elements(name, extents);
    DataRegion region;
    if (isOutside) {
      region = external.region(name, outside, bytes(name, type, elements));
    } else if (rawStart >= 0) {
      requireBytes(name, extents, type, rawBytes, bytes(name, type, elements));
      region = new DataRegion(file, rawStart, rawBytes, 0);
    } else {
      // A value takes a byte at least: what a shape claims is in the file, or it is not believed.
      if (elements > length) {
        throw new ProtobufException(
            "tensor '%s' of shape %s has fewer values than its shape says"
                .formatted(name, Arrays.toString(extents)));
      }
      region = new DataRegion(file, start, length, field(type));
    }
    return new TensorData(name, type, extents, elements, region);
  }

  private static ElementType type(String name, long code) {
    @Nullable ElementType type = ElementType.find(code);
    if (type == null) {
      throw new ProtobufException(
          "tensor '%s' has elements of type %d, which ONNX does not know".formatted(name, code));
    }
    return type;
  }

  static long elements(String name, long[] dims) {
    if (dims.length > MAX_RANK) {
      throw new ProtobufException("tensor '%s' has over %d axes".formatted(name, MAX_RANK));
    }
    long elements = 1;
    boolean isEmpty = false;
    for (long extent : dims) {
      isEmpty |= extent == 0;
      if (extent < 0) {
        throw new ProtobufException(
            "tensor '%s' of shape %s has a negative extent".formatted(name, Arrays.toString(dims)));
      }
    }
    for (long extent : dims) {
      if ((!isEmpty && Math.multiplyHigh(elements, extent) != 0) || elements * extent < 0) {
        throw new ProtobufException(
            "tensor '%s' of shape %s has too many elements".formatted(name, Arrays.toString(dims)));
      }
      elements = isEmpty ? 0 : elements * extent;
    }
    return elements;
  }

  private static long bytes(String name, ElementType type, long elements) {
    if (elements > Long.MAX_VALUE / 256) {
      throw new ProtobufException("tensor '%s' has too many elements".formatted(name));
    }
    return Math.ceilDiv(elements * type.bits(), (long) Byte.SIZE);
  }

  private static void requireBytes(
      String name, long[] dims, ElementType type, long bytes, long needed) {
    if (bytes != needed) {
      throw new ProtobufException(
          "tensor '%s' has %d bytes of data, but shape %s of %s needs %d"
              .formatted(name, bytes, Arrays.toString(dims), type, needed));
    }
  }

  private static int field(ElementType type) {
    return switch (type) {
      case FLOAT, COMPLEX64 -> FLOAT_DATA;
      case DOUBLE, COMPLEX128 -> DOUBLE_DATA;
      case INT64 -> INT64_DATA;
      case UINT32, UINT64 -> UINT64_DATA;
      case STRING -> STRING_DATA;
      default -> INT32_DATA;
    };
  }
}
