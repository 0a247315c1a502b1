package dev.nibble.engine.data.pictures;

import java.io.EOFException;
import java.io.IOException;

/**
 * The header of a BMP file.
 *
 * @param compressed whether its rows have no fixed length
 */
record BmpFile(long height, long width, int bits, boolean compressed, long pixels) {
  private static final int OLD = 12;
  private static final int BIT_FIELDS = 3;

  static BmpFile read(ByteSource file) throws IOException {
    long pixels = file.u32(10, true);
    if (file.u32(14, true) == OLD) {
      return new BmpFile(file.u16(20, true), file.u16(18, true), file.u16(24, true), false, pixels);
    }
    // A negative height means that the first row comes first.
    long height = Math.abs((long) (int) file.u32(22, true));
    long compression = file.u32(30, true);
    return new BmpFile(
        height,
        file.u32(18, true),
        file.u16(28, true),
        compression != 0 && compression != BIT_FIELDS,
        pixels);
  }

  /**
   * Checks that all rows are there.
   *
   * @throws EOFException if the file ends before
   */
  void checkEnd(ByteSource file) throws IOException {
    long row = (width * bits + 31) / 32 * 4;
    if (!compressed && pixels + (height - 1) * row + (width * bits + 7) / 8 > file.length()) {
      throw new EOFException();
    }
  }
}
