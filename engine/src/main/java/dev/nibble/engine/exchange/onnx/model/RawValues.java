package dev.nibble.engine.exchange.onnx.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Values that lie in a file one behind the other, little-endian. */
final class RawValues implements ValueReader {
  private static final int PIECE = 1 << 14;

  private final ElementType type;
  private final DataRegion region;
  private final int width;
  private final ByteBuffer buffer;
  private long read;

  RawValues(ElementType type, DataRegion region) {
    this.type = type;
    this.region = region;
    this.width = type.bits() / Byte.SIZE;
    int bytes = (int) Math.min(PIECE, Math.max(region.bytes(), 0));
    this.buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    buffer.limit(0);
  }

  @Override
  public void floats(float[] target, int at, int count) {
    int done = 0;
    while (done < count) {
      refill();
      int ready = Math.min(buffer.remaining() / width, count - done);
      if (type == ElementType.FLOAT) {
        buffer.asFloatBuffer().get(target, at + done, ready);
        buffer.position(buffer.position() + ready * width);
      } else {
        for (int i = 0; i < ready; i++) {
          target[at + done + i] = (float) Bits.real(type, next());
        }
      }
      done += ready;
    }
  }

  @Override
  public void integers(long[] target, int at, int count) {
    for (int i = 0; i < count; i++) {
      refill();
      target[at + i] = Bits.whole(type, next());
    }
  }

  private void refill() {
    if (!buffer.hasRemaining()) {
      buffer.clear();
      buffer.limit((int) Math.min(buffer.capacity(), region.bytes() - read));
      region.source().read(region.position() + read, buffer);
      read += buffer.position();
      buffer.flip();
    }
  }

  private long next() {
    return switch (width) {
      case 1 -> buffer.get();
      case 2 -> buffer.getShort();
      case 4 -> buffer.getInt();
      default -> buffer.getLong();
    };
  }
}
