package dev.nibble.engine.data.pictures;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What a picture file's header says, read without decoding a pixel.
 *
 * @param storedHeight rows as they are stored
 * @param storedWidth columns as they are stored
 */
record PictureHeader(
    PictureFormat format, int storedHeight, int storedWidth, Orientation orientation) {
  private static final int EXTENSION = 0x21;
  private static final int FRAME = 0x2C;

  /**
   * Reads it.
   *
   * @throws IOException saying what is wrong, if this is no picture or its header is damaged
   */
  static PictureHeader read(ByteSource file) throws IOException {
    if (file.length() == 0) {
      throw new IOException("the file is empty");
    }
    PictureFormat format = PictureFormat.of(file);
    if (format == null) {
      throw new IOException("it is no %s file".formatted(PictureFormat.NAMES));
    }
    return switch (format) {
      case JPEG -> jpeg(file);
      case PNG -> png(file);
      case GIF -> gif(file);
      case BMP -> bmp(file);
      case TIFF -> tiff(file);
      case WEBP -> webp(file);
    };
  }

  private static PictureHeader of(
      PictureFormat format, long height, long width, Orientation orientation) throws IOException {
    if (height < 1 || width < 1 || height > Integer.MAX_VALUE || width > Integer.MAX_VALUE) {
      throw new IOException("it has %dx%d pixels".formatted(height, width));
    }
    return new PictureHeader(format, (int) height, (int) width, orientation);
  }

  private static PictureHeader jpeg(ByteSource file) throws IOException {
    JpegFile jpeg = JpegFile.read(file);
    return of(PictureFormat.JPEG, jpeg.height(), jpeg.width(), jpeg.orientation());
  }

  private static PictureHeader png(ByteSource file) throws IOException {
    PngFile.Header header = PngFile.read(file);
    return of(PictureFormat.PNG, header.height(), header.width(), header.orientation());
  }

  /** The screen, or what it takes to hold the first frame if that is larger. */
  private static PictureHeader gif(ByteSource file) throws IOException {
    long frame = gifFrame(file);
    int width = file.u16(frame + 1, true) + file.u16(frame + 5, true);
    int height = file.u16(frame + 3, true) + file.u16(frame + 7, true);
    return of(
        PictureFormat.GIF,
        Math.max(height, file.u16(8, true)),
        Math.max(width, file.u16(6, true)),
        Orientation.AS_STORED);
  }

  /** Where a GIF file's first frame is described. */
  static long gifFrame(ByteSource file) throws IOException {
    int flags = file.u8(10);
    long at = 13 + ((flags & 0x80) == 0 ? 0 : 3L * (2 << (flags & 7)));
    while (file.u8(at) == EXTENSION) {
      at += 2;
      while (file.u8(at) != 0) {
        at += 1 + file.u8(at);
      }
      at++;
    }
    if (file.u8(at) != FRAME) {
      throw new IOException("it holds no picture");
    }
    return at;
  }

  private static PictureHeader bmp(ByteSource file) throws IOException {
    if (file.u32(14, true) == 12) {
      return of(PictureFormat.BMP, file.u16(20, true), file.u16(18, true), Orientation.AS_STORED);
    }
    // A negative height means that the first row comes first.
    long height = Math.abs((long) (int) file.u32(22, true));
    return of(PictureFormat.BMP, height, file.u32(18, true), Orientation.AS_STORED);
  }

  private static PictureHeader tiff(ByteSource file) throws IOException {
    TiffTags tags = TiffTags.read(file, 0);
    return of(PictureFormat.TIFF, tags.height(), tags.width(), tags.orientation());
  }

  private static PictureHeader webp(ByteSource file) throws IOException {
    Orientation orientation = Orientation.AS_STORED;
    @Nullable PictureHeader found = null;
    long at = 12;
    while (at + 8 <= file.length()) {
      if (found == null) {
        found = webpSize(file, at);
      }
      if (file.isAt(at, "EXIF")) {
        orientation = TiffTags.exif(file, file.isAt(at + 8, "Exif\0\0") ? at + 14 : at + 8);
      }
      long length = file.u32(at + 4, true);
      at += 8 + length + length % 2;
    }
    if (found == null) {
      throw new IOException("it holds no picture");
    }
    return new PictureHeader(found.format, found.storedHeight, found.storedWidth, orientation);
  }

  private static @Nullable PictureHeader webpSize(ByteSource file, long at) throws IOException {
    long data = at + 8;
    if (file.isAt(at, "VP8X")) {
      long width = file.u16(data + 4, true) + ((long) file.u8(data + 6) << 16);
      long height = file.u16(data + 7, true) + ((long) file.u8(data + 9) << 16);
      return of(PictureFormat.WEBP, height + 1, width + 1, Orientation.AS_STORED);
    }
    if (file.isAt(at, "VP8L")) {
      long bits = file.u32(data + 1, true);
      return of(
          PictureFormat.WEBP,
          ((bits >> 14) & 0x3FFF) + 1,
          (bits & 0x3FFF) + 1,
          Orientation.AS_STORED);
    }
    if (file.isAt(at, "VP8 ")) {
      return of(
          PictureFormat.WEBP,
          file.u16(data + 8, true) & 0x3FFF,
          file.u16(data + 6, true) & 0x3FFF,
          Orientation.AS_STORED);
    }
    return null;
  }

  /** Rows as they are seen. */
  int height(boolean oriented) {
    return oriented && orientation.swapsSides() ? storedWidth : storedHeight;
  }

  /** Columns as they are seen. */
  int width(boolean oriented) {
    return oriented && orientation.swapsSides() ? storedHeight : storedWidth;
  }

  long pixels() {
    return (long) storedHeight * storedWidth;
  }
}
