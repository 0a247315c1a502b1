package dev.nibble.engine.data.pictures;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;

/** The chunks of a PNG file. */
final class PngFile {
  private static final int SIGNATURE = 8;

  /** Bytes of a chunk beside its data: length, name, check sum. */
  private static final int FRAME = 12;

  private PngFile() {}

  /** What the chunks say; sides as unsigned numbers. */
  record Header(long height, long width, Orientation orientation) {}

  static Header read(ByteSource file) throws IOException {
    if (!file.isAt(SIGNATURE + 4, "IHDR")) {
      throw new IOException("its header is damaged");
    }
    Orientation orientation = Orientation.AS_STORED;
    // EXIF data may stand behind the pixels, so the chunks are walked to their end.
    for (long at = SIGNATURE; at + FRAME <= file.length(); at = next(file, at)) {
      if (file.isAt(at + 4, "eXIf")) {
        orientation = TiffTags.exif(file, at + 8);
      }
    }
    return new Header(file.u32(20, false), file.u32(16, false), orientation);
  }

  /** Checks that the file holds all bytes of the chunks that it begins. */
  static void checkEnd(ByteSource file) throws IOException {
    long at = SIGNATURE;
    while (at + FRAME <= file.length()) {
      at = next(file, at);
    }
    if (at > file.length()) {
      throw new EOFException();
    }
  }

  private static long next(ByteSource file, long at) throws IOException {
    return at + FRAME + file.u32(at, false);
  }

  /**
   * The file with those chunks alone that pixels and colours are made of: a damaged text or profile
   * does not spoil a picture, and neither gamma nor transparency change it.
   */
  static byte[] bare(byte[] file) throws IOException {
    ByteSource source = ByteSource.of(file);
    ByteArrayOutputStream bare = new ByteArrayOutputStream(file.length);
    bare.write(file, 0, SIGNATURE);
    long at = SIGNATURE;
    while (at + FRAME <= file.length) {
      long next = next(source, at);
      boolean isCritical = (source.u8(at + 4) & 0x20) == 0;
      if (isCritical) {
        bare.write(file, (int) at, (int) (Math.min(next, file.length) - at));
      }
      at = next;
    }
    return bare.toByteArray();
  }
}
