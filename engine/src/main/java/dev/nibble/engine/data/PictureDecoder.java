package dev.nibble.engine.data;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Decodes JPEG and PNG files to 8-bit RGB. Transparency is dropped, orientation tags are not
 * applied.
 *
 * <p>A picture's size is checked before its pixels are decoded, and very large ones are decoded at
 * a fraction of their size, so a small file cannot fill the heap.
 */
final class PictureDecoder {
  private static final long MAX_PIXELS = 100_000_000;
  private static final long MAX_FILE_BYTES = 1L << 26;

  /** Pictures above this are decoded with every k-th row and column only. */
  private static final long FULL_PIXELS = 4_000_000;

  private PictureDecoder() {}

  /** A decoded picture: height x width x 3 bytes. */
  static final class Picture {
    private final int height;
    private final int width;
    private final byte[] rgb;

    Picture(int height, int width, byte[] rgb) {
      this.height = height;
      this.width = width;
      this.rgb = rgb;
    }

    int height() {
      return height;
    }

    int width() {
      return width;
    }

    /** The picture's own bytes, not a copy. */
    byte[] rgb() {
      return rgb;
    }
  }

  /** Reads a picture's size from its header. */
  static PictureSize size(Path path) {
    return decode(path, reader -> new PictureSize(reader.getHeight(0), reader.getWidth(0)));
  }

  /**
   * Decodes a picture; one above 4 megapixels at a fraction of its size.
   *
   * @throws DataException naming the file, if it is not a sound JPEG or PNG picture
   */
  static Picture decode(Path path) {
    return decode(path, PictureDecoder::read);
  }

  /** As {@link #decode(Path)}, of a file that lies in memory. */
  static Picture decode(byte[] file, String name) {
    return decode(file, name, PictureDecoder::read);
  }

  /** As {@link #size(Path)}, of a file that lies in memory. */
  static PictureSize size(byte[] file, String name) {
    return decode(file, name, reader -> new PictureSize(reader.getHeight(0), reader.getWidth(0)));
  }

  private static Picture read(ImageReader reader) throws IOException {
    AtomicBoolean cut = new AtomicBoolean();
    // A JPEG file that ends early is not an error to ImageIO: it fills the rest with grey.
    reader.addIIOReadWarningListener(
        (source, warning) -> {
          if (isCut(warning)) {
            cut.set(true);
          }
        });
    ImageReadParam param = reader.getDefaultReadParam();
    double pixels = (double) reader.getHeight(0) * reader.getWidth(0);
    int step = (int) Math.ceil(Math.sqrt(pixels / FULL_PIXELS));
    if (step > 1) {
      param.setSourceSubsampling(step, step, 0, 0);
    }
    Picture picture = toRgb(reader.read(0, param));
    if (cut.get()) {
      throw new IOException("the file ends before the picture does");
    }
    return picture;
  }

  private static boolean isCut(String warning) {
    return warning.startsWith("Truncated") || warning.contains("premature end");
  }

  private interface Task<T> {
    T apply(ImageReader reader) throws IOException;
  }

  private static <T> T decode(Path path, Task<T> task) {
    try {
      long bytes = Files.size(path);
      if (bytes == 0 || bytes > MAX_FILE_BYTES) {
        throw new IOException(bytes == 0 ? "the file is empty" : "the file exceeds 64 MiB");
      }
      return decode(Files.readAllBytes(path), path.toString(), task);
    } catch (IOException e) {
      throw unreadable(path.toString(), e);
    }
  }

  private static <T> T decode(byte[] file, String name, Task<T> task) {
    try {
      // In memory on purpose: ImageIO's own choice would be a temporary file for each picture.
      try (ImageInputStream input =
          new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
        ImageReader reader = reader(file);
        try {
          reader.setInput(input, true, true);
          long pixels = (long) reader.getHeight(0) * reader.getWidth(0);
          if (pixels > MAX_PIXELS) {
            throw new IOException(
                "%dx%d pixels are more than 100 megapixels"
                    .formatted(reader.getHeight(0), reader.getWidth(0)));
          }
          return task.apply(reader);
        } finally {
          reader.dispose();
        }
      }
    } catch (DataException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Decoders answer damaged files with unchecked exceptions of many kinds, too.
      throw unreadable(name, e);
    }
  }

  private static DataException unreadable(String name, Exception e) {
    return new DataException(
        "Cannot read the picture %s: %s; repair it or leave it out (image folders may skip such)."
            .formatted(name, DataFile.reason(e)),
        e);
  }

  private static ImageReader reader(byte[] file) throws IOException {
    String format;
    if (file.length > 3 && file[0] == (byte) 0xFF && file[1] == (byte) 0xD8) {
      format = "jpeg";
    } else if (file.length > 3 && file[0] == (byte) 0x89 && file[1] == 'P' && file[2] == 'N') {
      format = "png";
    } else {
      throw new IOException("it is neither a JPEG nor a PNG file");
    }
    Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format);
    if (!readers.hasNext()) {
      throw new IOException("this Java runtime has no decoder for " + format);
    }
    return readers.next();
  }

  private static Picture toRgb(BufferedImage image) {
    int height = image.getHeight();
    int width = image.getWidth();
    byte[] rgb = new byte[Math.multiplyExact(3, height * width)];
    ColorModel model = image.getColorModel();
    boolean indexed = model instanceof IndexColorModel;
    int bands = image.getRaster().getNumBands();
    if (!indexed && bands <= 2) {
      copyGrey(image.getRaster(), model.getComponentSize(0), rgb);
    } else {
      int[] row = new int[width];
      for (int y = 0, at = 0; y < height; y++) {
        image.getRGB(0, y, width, 1, row, 0, width);
        for (int pixel : row) {
          rgb[at++] = (byte) (pixel >> 16);
          rgb[at++] = (byte) (pixel >> 8);
          rgb[at++] = (byte) pixel;
        }
      }
    }
    return new Picture(height, width, rgb);
  }

  /**
   * Grey samples as they are: Java's own conversion takes them for linear light and brightens them.
   */
  private static void copyGrey(Raster raster, int bits, byte[] rgb) {
    int width = raster.getWidth();
    int[] row = new int[width];
    int most = (1 << bits) - 1;
    for (int y = 0, at = 0; y < raster.getHeight(); y++) {
      raster.getSamples(0, y, width, 1, 0, row);
      for (int sample : row) {
        byte grey = (byte) ((sample * 255L + most / 2) / most);
        rgb[at++] = grey;
        rgb[at++] = grey;
        rgb[at++] = grey;
      }
    }
  }
}
