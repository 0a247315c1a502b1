package dev.nibble.engine.exchange;

import dev.nibble.engine.files.SegmentIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;

/**
 * Reads floating-point elements of any width as singles: F16 and BF16 keep their value, F64 is
 * rounded.
 */
final class FloatReader {
  /** Elements that are converted at once, so that a file needs no second copy on the heap. */
  private static final int PIECE = 1 << 14;

  private FloatReader() {}

  /** Whether elements of this type can be read as singles. */
  static boolean reads(DType dtype) {
    return switch (dtype) {
      case F16, BF16, F32, F64 -> true;
      default -> false;
    };
  }

  /**
   * Fills an array with the elements at a position of a file.
   *
   * @throws java.io.EOFException if the file ends before
   * @throws IOException if the file cannot be read
   */
  static void read(FileChannel channel, long position, DType dtype, float[] target)
      throws IOException {
    int size = dtype.bytes();
    ByteBuffer piece =
        ByteBuffer.allocate(size * Math.min(PIECE, target.length)).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < target.length; at += PIECE) {
      int count = Math.min(PIECE, target.length - at);
      piece.clear().limit(size * count);
      SegmentIo.fill(channel, position + (long) size * at, piece);
      piece.flip();
      convert(piece, dtype, target, at, count);
    }
  }

  private static void convert(ByteBuffer piece, DType dtype, float[] target, int from, int count) {
    switch (dtype) {
      case F16 -> {
        for (int i = 0; i < count; i++) {
          target[from + i] = Float.float16ToFloat(piece.getShort());
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          target[from + i] = Float.intBitsToFloat(piece.getShort() << 16);
        }
      }
      case F32 -> piece.asFloatBuffer().get(target, from, count);
      case F64 -> {
        for (int i = 0; i < count; i++) {
          target[from + i] = (float) piece.getDouble();
        }
      }
      default -> throw new IllegalArgumentException(dtype + " is no floating-point type");
    }
  }
}
