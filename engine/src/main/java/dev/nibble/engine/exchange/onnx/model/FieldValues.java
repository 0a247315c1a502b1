package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.protobuf.HeapBudget;
import dev.nibble.engine.protobuf.MessageReader;
import dev.nibble.engine.protobuf.ProtobufException;
import org.jspecify.annotations.Nullable;

/** Values in a repeated field of a tensor's message, packed or one by one. */
final class FieldValues implements ValueReader {
  private final String name;
  private final ElementType type;
  private final int field;
  private final int width;
  private final MessageReader message;
  private @Nullable MessageReader packed;

  FieldValues(String name, ElementType type, DataRegion region) {
    this.name = name;
    this.type = type;
    this.field = region.field();
    // What is read here is handed on, not kept: only the readers themselves count.
    this.message =
        MessageReader.of(region.source(), HeapBudget.usual(), region.position(), region.bytes());
    this.width =
        switch (field) {
          case TensorReader.FLOAT_DATA -> Float.BYTES;
          case TensorReader.DOUBLE_DATA -> Double.BYTES;
          default -> 0;
        };
  }

  @Override
  public void floats(float[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = (float) Bits.real(type, next());
    }
  }

  @Override
  public void integers(long[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      target[at + i] = Bits.whole(type, next());
    }
  }

  private long next() {
    MessageReader numbers = packed;
    if (numbers != null && !numbers.atEnd()) {
      return width == 0 ? numbers.readVarint() : numbers.readFixed(width);
    }
    while (message.next()) {
      if (message.field() == field) {
        if (!message.isBytes()) {
          return message.bits();
        }
        if (message.length() > 0) {
          packed = message.message();
          return next();
        }
      }
    }
    throw new ProtobufException("tensor '%s' has fewer values than its shape says".formatted(name));
  }
}
