package dev.nibble.engine.data.pictures;

import java.io.IOException;

/**
 * What a picture file's header says, read without decoding a pixel.
 *
 * @param storedHeight rows as they are stored
 * @param storedWidth columns as they are stored
 */
record PictureHeader(
    PictureFormat format, int storedHeight, int storedWidth, Orientation orientation) {
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
      throw new IOException(
          "it is no %s file%s".formatted(PictureFormat.NAMES, PictureFormat.relative(file)));
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

  private static PictureHeader gif(ByteSource file) throws IOException {
    GifFile frame = GifFile.read(file);
    return of(PictureFormat.GIF, frame.screenHeight(), frame.screenWidth(), Orientation.AS_STORED);
  }

  private static PictureHeader bmp(ByteSource file) throws IOException {
    BmpFile header = BmpFile.read(file);
    return of(PictureFormat.BMP, header.height(), header.width(), Orientation.AS_STORED);
  }

  private static PictureHeader tiff(ByteSource file) throws IOException {
    TiffFile page = TiffFile.read(file);
    return of(PictureFormat.TIFF, page.height(), page.width(), page.orientation());
  }

  private static PictureHeader webp(ByteSource file) throws IOException {
    WebpFile.Header header = WebpFile.read(file);
    return of(PictureFormat.WEBP, header.height(), header.width(), header.orientation());
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
