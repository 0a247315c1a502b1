package dev.nibble.engine.data.pictures;

import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Decodes a picture file that lies in memory, in parts of a bounded size, each reduced before the
 * next is decoded.
 */
final class PictureReader implements AutoCloseable {
  static final String CUT = "the file ends before the picture does";

  /** Pixels decoded at once: decoders start at the first row again for every part. */
  private static final int PART_PIXELS = 16_000_000;

  /** The same of a progressive JPEG file, which is decoded as a whole for every part. */
  private static final int PROGRESSIVE_PART_PIXELS = 40_000_000;

  /** JPEG files of many scans take time for each, whatever the file's size. */
  private static final long MOST_SCAN_PIXELS = 4_000_000_000L;

  private final PictureHeader header;
  private final byte[] file;
  private final BoxFilter filter;
  private final ImageReader reader;
  private final ImageInputStream input;
  private final AtomicBoolean cut = new AtomicBoolean();

  /**
   * Opens a decoder.
   *
   * @param factor rows and columns that become one
   */
  PictureReader(PictureHeader header, byte[] file, int factor) throws IOException {
    this.header = header;
    this.file = file;
    this.filter = new BoxFilter(header.storedHeight(), header.storedWidth(), factor);
    byte[] source =
        switch (header.format()) {
          case JPEG -> JpegFile.bare(file, MOST_SCAN_PIXELS, header.pixels());
          case PNG -> PngFile.bare(file);
          case WEBP -> WebpFile.bare(file);
          case TIFF -> TiffFile.read(ByteSource.of(file)).bare(file);
          default -> file;
        };
    this.reader = decoder(header.format());
    this.input = new PictureInput(source);
    reader.setInput(input, false, true);
    // A JPEG file that ends early is not an error to ImageIO: it fills the rest with grey.
    reader.addIIOReadWarningListener(
        (from, warning) -> {
          if (warning.startsWith("Truncated") || warning.contains("premature end")) {
            cut.set(true);
          }
        });
  }

  /** Checks that a kind of picture can be read here. */
  static void checkDecoder(PictureFormat format) throws IOException {
    decoder(format).dispose();
  }

  private static ImageReader decoder(PictureFormat format) throws IOException {
    Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format.decoderName());
    if (!readers.hasNext()) {
      throw new IOException(
          format == PictureFormat.WEBP
              ? "WebP is read with a library that is not there, such as"
                  + " com.twelvemonkeys.imageio:imageio-webp"
              : "this Java runtime has no decoder for " + format);
    }
    return readers.next();
  }

  /** The picture as it is stored. */
  RgbPicture read() throws IOException {
    try {
      switch (header.format()) {
        case JPEG -> readJpeg();
        case GIF -> readFrame();
        default -> readOther();
      }
    } catch (EOFException | UncheckedIOException e) {
      throw new IOException(CUT, e);
    }
    checkWhole();
    return filter.picture();
  }

  private void checkWhole() throws IOException {
    if (cut.get()) {
      throw new IOException(CUT);
    }
  }

  private int rowsOf(int pixels) {
    return Math.max(1, pixels / header.storedWidth());
  }

  private void readJpeg() throws IOException {
    JpegFile jpeg = JpegFile.read(ByteSource.of(file));
    JpegColors colors = JpegColors.of(jpeg);
    checkSize(reader.getHeight(0), reader.getWidth(0));
    int height = header.storedHeight();
    int width = header.storedWidth();
    int halo = TallSamples.halo(jpeg.components());
    int[] samples = new int[width * jpeg.components().length];
    byte[] row = new byte[3 * width];
    int rows = rowsOf(jpeg.isProgressive() ? PROGRESSIVE_PART_PIXELS : PART_PIXELS);
    for (int from = 0; from < height; from += rows) {
      int to = Math.min(height, from + rows);
      int first = Math.max(0, from - halo);
      int behind = Math.min(height, to + halo);
      Raster raster = reader.readRaster(0, part(new Rectangle(0, first, width, behind - first)));
      checkWhole();
      if (raster.getNumBands() != jpeg.components().length) {
        throw new IOException("its headers contradict each other");
      }
      TallSamples tall = new TallSamples(raster, first, height, jpeg.components());
      for (int y = from; y < to; y++) {
        tall.read(y, samples);
        colors.convert(samples, width, row);
        filter.add(row);
      }
    }
  }

  private static ImageReadParam part(Rectangle region) {
    ImageReadParam param = new ImageReadParam();
    param.setSourceRegion(region);
    return param;
  }

  private void checkSize(int height, int width) throws IOException {
    if (height != header.storedHeight() || width != header.storedWidth()) {
      throw new IOException("its headers contradict each other");
    }
  }

  private void readOther() throws IOException {
    checkSize(reader.getHeight(0), reader.getWidth(0));
    TiffFile page =
        header.format() == PictureFormat.TIFF ? TiffFile.read(ByteSource.of(file)) : null;
    if (page != null) {
      page.checkKind();
    }
    byte[] row = new byte[3 * header.storedWidth()];
    readImage(header.storedHeight(), header.storedWidth(), 0, page, row);
  }

  /**
   * A frame may be smaller than its screen: what it leaves free has the transparent colour, or else
   * the first, as PIL has it (browsers show what is behind the picture).
   */
  private void readFrame() throws IOException {
    GifFile frame = GifFile.read(ByteSource.of(file));
    if (frame.width() < 1 || frame.height() < 1) {
      throw new IOException("it holds no picture");
    }
    byte[] free = new byte[3 * header.storedWidth()];
    if (reader.getRawImageType(0).getColorModel() instanceof IndexColorModel palette) {
      int background = palette.getRGB(Math.max(0, palette.getTransparentPixel()));
      for (int x = 0; x < header.storedWidth(); x++) {
        RasterColors.put(background, free, x);
      }
    }
    for (int y = 0; y < frame.top(); y++) {
      filter.add(free);
    }
    readImage(frame.height(), frame.width(), frame.left(), null, free.clone());
    for (int y = frame.top() + frame.height(); y < header.storedHeight(); y++) {
      filter.add(free);
    }
  }

  /**
   * Reads rows of an image into a row of the picture, which holds what is beside the image.
   *
   * @param left the picture's columns before the image
   */
  private void readImage(int height, int width, int left, @Nullable TiffFile page, byte[] row)
      throws IOException {
    byte[] part = new byte[3 * width];
    int rows = rowsOf(PART_PIXELS);
    for (int from = 0; from < height; from += rows) {
      int count = Math.min(rows, height - from);
      BufferedImage image = reader.read(0, part(new Rectangle(0, from, width, count)));
      if (image.getHeight() != count || image.getWidth() != width) {
        throw new IOException("its headers contradict each other");
      }
      RasterColors colors = new RasterColors(image, page);
      for (int y = 0; y < count; y++) {
        colors.convert(y, part);
        System.arraycopy(part, 0, row, 3 * left, part.length);
        filter.add(row);
      }
    }
  }

  @Override
  public void close() throws IOException {
    reader.dispose();
    input.close();
  }
}
