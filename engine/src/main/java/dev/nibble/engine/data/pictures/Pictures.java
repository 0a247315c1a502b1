package dev.nibble.engine.data.pictures;

import java.io.EOFException;
import java.io.IOException;
import javax.imageio.IIOException;

/** Reads picture files. */
public final class Pictures {
  private static final long MAX_PIXELS = 100_000_000;

  /** Pictures above this are reduced while they are decoded. */
  private static final long FULL_PIXELS = 4_000_000;

  private Pictures() {}

  /**
   * Rows and columns by a file's header; no pixel is decoded.
   *
   * @param oriented whether the file's orientation is applied
   * @return rows, columns
   * @throws IOException saying what is wrong, if this is no picture, or one of more than 100
   *     megapixels
   */
  public static int[] size(ByteSource file, boolean oriented) throws IOException {
    PictureHeader header = checked(PictureHeader.read(file));
    return new int[] {header.height(oriented), header.width(oriented)};
  }

  /**
   * Checks, without decoding a pixel, that a file begins as a picture of a kind that can be
   * decoded, and that it was not cut.
   *
   * @throws IOException saying what is wrong
   */
  public static void check(ByteSource file) throws IOException {
    PictureHeader header = checked(PictureHeader.read(file));
    PictureReader.checkDecoder(header.format());
    try {
      switch (header.format()) {
        case JPEG -> JpegFile.checkEnd(file);
        case PNG -> PngFile.checkEnd(file);
        case GIF -> GifFile.checkEnd(file);
        case BMP -> BmpFile.read(file).checkEnd(file);
        case TIFF -> {
          TiffFile page = TiffFile.read(file);
          page.checkKind();
          page.checkEnd();
        }
        case WEBP -> WebpFile.checkEnd(file);
      }
    } catch (EOFException e) {
      throw new IOException(PictureReader.CUT, e);
    }
  }

  private static PictureHeader checked(PictureHeader header) throws IOException {
    if (header.pixels() > MAX_PIXELS) {
      throw new IOException(
          "%dx%d pixels are more than 100 megapixels"
              .formatted(header.storedHeight(), header.storedWidth()));
    }
    return header;
  }

  /**
   * Decodes a picture; one above 4 megapixels to the means of squares of pixels.
   *
   * @param file the whole file
   * @param oriented whether the file's orientation is applied
   * @throws IOException saying what is wrong, if this is no sound picture; damaged files may also
   *     end in unchecked exceptions of many kinds
   */
  public static RgbPicture decode(byte[] file, boolean oriented) throws IOException {
    PictureHeader header = checked(PictureHeader.read(ByteSource.of(file)));
    int factor = BoxFilter.factor(header.storedHeight(), header.storedWidth(), FULL_PIXELS);
    try (PictureReader reader = new PictureReader(header, file, factor)) {
      RgbPicture stored = reader.read();
      return oriented ? header.orientation().apply(stored) : stored;
    } catch (IIOException e) {
      // The decoders' own words are for programmers; what can be seen from outside is said first.
      check(ByteSource.of(file));
      throw e;
    } catch (OutOfMemoryError e) {
      // A damaged header may ask for any size; what was allocated so far is free again.
      throw new IOException("it needs more memory than there is", e);
    }
  }
}
