package dev.nibble.engine.data.pictures;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Turns the samples of what ImageIO decodes into RGB as they are: grey, RGB, an index into a
 * palette, or CMYK, each with or without an alpha that is dropped. Java's own conversion would
 * apply profiles, and take grey for linear light.
 */
final class RasterColors {
  private final Raster raster;
  private final ColorModel model;
  private final int @Nullable [] palette;
  private final boolean inks;
  private final @Nullable TiffDifferences differences;
  private final int bands;
  private final int[] samples;

  /**
   * Reads out of a part of a picture.
   *
   * @param page a TIFF file's, which tells more of its colours than ImageIO does; else null
   */
  RasterColors(BufferedImage image, @Nullable TiffFile page) throws IOException {
    raster = image.getRaster();
    model = image.getColorModel();
    bands = raster.getNumBands();
    palette =
        model instanceof IndexColorModel indexed
            ? palette(indexed, page == null ? null : page.palette())
            : null;
    inks =
        bands == 4
            && ((page != null && page.isInks())
                || model.getColorSpace().getType() == ColorSpace.TYPE_CMYK);
    differences = page != null && page.isDifferences() ? new TiffDifferences(page) : null;
    samples = new int[raster.getWidth() * bands];
    int type = raster.getDataBuffer().getDataType();
    if (type == DataBuffer.TYPE_FLOAT || type == DataBuffer.TYPE_DOUBLE) {
      throw new IOException("its samples are floating-point numbers");
    }
    if (bitsOf(0) > 16) {
      throw new IOException("its samples have more than 16 bits");
    }
  }

  private int bitsOf(int band) {
    return raster.getSampleModel().getSampleSize(band);
  }

  /** Turns row {@code y} of the raster into 3 bytes a pixel. */
  void convert(int y, byte[] rgb) {
    int width = raster.getWidth();
    raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, samples);
    if (differences != null) {
      differences.add(samples, bands);
    }
    if (palette != null) {
      for (int x = 0; x < width; x++) {
        // An index beyond the palette is black, as other readers have it.
        int index = samples[x * bands];
        put(index < palette.length ? palette[index] : 0, rgb, x);
      }
      return;
    }
    if (inks) {
      for (int i = 0; i < samples.length; i++) {
        samples[i] = toByte(samples[i], bitsOf(i % bands));
      }
      Inks.convert(samples, width, rgb);
      return;
    }
    int colours = bands < 3 ? 1 : 3;
    for (int band = 0; band < 3; band++) {
      int from = Math.min(band, colours - 1);
      int bits = bitsOf(from);
      for (int x = 0; x < width; x++) {
        rgb[3 * x + band] = (byte) toByte(samples[x * bands + from], bits);
      }
    }
    if (model.isAlphaPremultiplied()) {
      divideByAlpha(width, rgb);
    }
  }

  /** Colours that were multiplied by their alpha are as bright as before, or black by none. */
  private void divideByAlpha(int width, byte[] rgb) {
    int bits = bitsOf(bands - 1);
    for (int x = 0; x < width; x++) {
      int alpha = toByte(samples[x * bands + bands - 1], bits);
      for (int i = 3 * x; i < 3 * x + 3; i++) {
        rgb[i] = alpha == 0 ? 0 : (byte) Math.min(255, (rgb[i] & 0xFF) * 255 / alpha);
      }
    }
  }

  /** Writes a colour, 0xRRGGBB, as pixel {@code x} of a row. */
  static void put(int colour, byte[] rgb, int x) {
    rgb[3 * x] = (byte) (colour >> 16);
    rgb[3 * x + 1] = (byte) (colour >> 8);
    rgb[3 * x + 2] = (byte) colour;
  }

  private static int[] palette(IndexColorModel model, int @Nullable [] colours) {
    if (colours != null) {
      return colours;
    }
    int[] palette = new int[model.getMapSize()];
    model.getRGBs(palette);
    return palette;
  }

  /** Eight bits of fewer or more: the high ones of sixteen. */
  private static int toByte(int sample, int bits) {
    if (bits == 8) {
      return sample;
    }
    return bits > 8 ? sample >> (bits - 8) : sample * 255 / ((1 << bits) - 1);
  }
}
