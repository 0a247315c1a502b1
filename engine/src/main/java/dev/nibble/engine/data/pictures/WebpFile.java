package dev.nibble.engine.data.pictures;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** The chunks of a WebP file. */
final class WebpFile {
  private static final int FIRST = 12;
  private static final int HEAD = 8;
  private static final int PROFILE = 0x20;

  private WebpFile() {}

  /** What the chunks say. */
  record Header(long height, long width, Orientation orientation) {}

  static Header read(ByteSource file) throws IOException {
    Orientation orientation = Orientation.AS_STORED;
    long[] size = null;
    for (long at = FIRST; at + HEAD <= file.length(); at = next(file, at)) {
      if (size == null) {
        size = size(file, at);
      }
      if (file.isAt(at, "EXIF")) {
        long data = at + HEAD;
        orientation = TiffTags.exif(file, file.isAt(data, "Exif\0\0") ? data + 6 : data);
      }
    }
    if (size == null) {
      throw new IOException("it holds no picture");
    }
    return new Header(size[0], size[1], orientation);
  }

  private static long next(ByteSource file, long at) throws IOException {
    long length = file.u32(at + 4, true);
    return at + HEAD + length + length % 2;
  }

  private static long @Nullable [] size(ByteSource file, long at) throws IOException {
    long data = at + HEAD;
    if (file.isAt(at, "VP8X")) {
      long width = file.u16(data + 4, true) + ((long) file.u8(data + 6) << 16);
      long height = file.u16(data + 7, true) + ((long) file.u8(data + 9) << 16);
      return new long[] {height + 1, width + 1};
    }
    if (file.isAt(at, "VP8L")) {
      long bits = file.u32(data + 1, true);
      return new long[] {((bits >> 14) & 0x3FFF) + 1, (bits & 0x3FFF) + 1};
    }
    if (file.isAt(at, "VP8 ")) {
      return new long[] {file.u16(data + 8, true) & 0x3FFF, file.u16(data + 6, true) & 0x3FFF};
    }
    return null;
  }

  /**
   * Checks that the file is as long as it says.
   *
   * @throws EOFException if it ends before
   */
  static void checkEnd(ByteSource file) throws IOException {
    if (file.u32(4, true) + HEAD > file.length()) {
      throw new EOFException();
    }
  }

  /** The file without its colour profile, which the decoder would apply, or stumble over. */
  static byte[] bare(byte[] file) throws IOException {
    ByteSource source = ByteSource.of(file);
    ByteArrayOutputStream out = new ByteArrayOutputStream(file.length);
    out.write(file, 0, FIRST);
    long at = FIRST;
    while (at + HEAD <= file.length) {
      long next = next(source, at);
      if (!source.isAt(at, "ICCP")) {
        out.write(file, (int) at, (int) (Math.min(next, file.length) - at));
      }
      at = next;
    }
    byte[] bare = out.toByteArray();
    ByteBuffer.wrap(bare).order(ByteOrder.LITTLE_ENDIAN).putInt(4, bare.length - HEAD);
    if (bare.length > FIRST + HEAD && source.isAt(FIRST, "VP8X")) {
      bare[FIRST + HEAD] &= (byte) ~PROFILE;
    }
    return bare;
  }
}
