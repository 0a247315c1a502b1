package dev.nibble.engine.data.pictures;

import java.io.IOException;

/**
 * The first frame of a GIF file.
 *
 * @param left columns of the screen before it
 * @param top rows of the screen above it
 * @param screenWidth columns of the screen, or what it takes to hold the frame if that is more
 * @param screenHeight its rows
 * @param data where the codes of its pixels begin
 */
record GifFile(
    int left, int top, int width, int height, int screenWidth, int screenHeight, long data) {
  private static final int EXTENSION = 0x21;
  private static final int FRAME = 0x2C;

  /**
   * Reads up to the frame's pixels.
   *
   * @throws IOException if there is none
   */
  static GifFile read(ByteSource file) throws IOException {
    long at = 13 + palette(file.u8(10));
    while (file.u8(at) == EXTENSION) {
      at = behindBlocks(file, at + 2);
    }
    if (file.u8(at) != FRAME) {
      throw new IOException("it holds no picture");
    }
    int left = file.u16(at + 1, true);
    int top = file.u16(at + 3, true);
    int width = file.u16(at + 5, true);
    int height = file.u16(at + 7, true);
    return new GifFile(
        left,
        top,
        width,
        height,
        Math.max(left + width, file.u16(6, true)),
        Math.max(top + height, file.u16(8, true)),
        at + 10 + palette(file.u8(at + 9)) + 1);
  }

  private static long palette(int flags) {
    return (flags & 0x80) == 0 ? 0 : 3L * (2 << (flags & 7));
  }

  private static long behindBlocks(ByteSource file, long from) throws IOException {
    long at = from;
    while (file.u8(at) != 0) {
      at += 1 + file.u8(at);
    }
    return at + 1;
  }

  /**
   * Checks that the frame's codes are there.
   *
   * @throws java.io.EOFException if the file ends before
   */
  static void checkEnd(ByteSource file) throws IOException {
    behindBlocks(file, read(file).data);
  }
}
