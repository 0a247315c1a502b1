package dev.nibble.engine.data.pictures;

import dev.nibble.engine.data.pictures.JpegFile.Component;
import java.io.IOException;

/**
 * Turns a JPEG file's samples into RGB by libjpeg's rules: which colours they are is decided by the
 * JFIF marker, else by Adobe's, else by the components' numbers; YCbCr is ITU-R BT.601 over the
 * full range. Four components are CMYK (or YCCK, with Adobe's transform) and inverted, as every
 * program writes them that writes such files.
 */
final class JpegColors {
  private static final int ONE = 1 << 16;
  private static final int HALF = ONE / 2;
  private static final int CR_RED = fixed(1.402);
  private static final int CR_GREEN = fixed(0.71414);
  private static final int CB_GREEN = fixed(0.34414);
  private static final int CB_BLUE = fixed(1.772);

  private final int bands;
  private final boolean luma;

  private JpegColors(int bands, boolean luma) {
    this.bands = bands;
    this.luma = luma;
  }

  private static int fixed(double value) {
    return (int) (value * ONE + 0.5);
  }

  static JpegColors of(JpegFile jpeg) throws IOException {
    Component[] components = jpeg.components();
    return switch (components.length) {
      case 1 -> new JpegColors(1, false);
      case 3 -> new JpegColors(3, isLuma(jpeg, components));
      case 4 -> new JpegColors(4, jpeg.adobe() > 0);
      default -> throw new IOException("it has %d components".formatted(components.length));
    };
  }

  private static boolean isLuma(JpegFile jpeg, Component[] components) {
    if (jpeg.hasJfif()) {
      return true;
    }
    if (jpeg.adobe() != JpegFile.NO_ADOBE) {
      return jpeg.adobe() != 0;
    }
    return components[0].id() != 'R' || components[1].id() != 'G' || components[2].id() != 'B';
  }

  /**
   * Turns a row.
   *
   * @param samples a sample a component and pixel, 0 to 255
   * @param rgb receives 3 bytes a pixel
   */
  void convert(int[] samples, int width, byte[] rgb) {
    switch (bands) {
      case 1 -> grey(samples, width, rgb);
      case 3 -> {
        if (luma) {
          fromLuma(samples, width, rgb);
        } else {
          for (int i = 0; i < 3 * width; i++) {
            rgb[i] = (byte) samples[i];
          }
        }
      }
      default -> inks(samples, width, rgb);
    }
  }

  private static void grey(int[] samples, int width, byte[] rgb) {
    for (int x = 0; x < width; x++) {
      byte value = (byte) samples[x];
      rgb[3 * x] = value;
      rgb[3 * x + 1] = value;
      rgb[3 * x + 2] = value;
    }
  }

  private static void fromLuma(int[] samples, int width, byte[] rgb) {
    for (int i = 0; i < 3 * width; i += 3) {
      int y = samples[i];
      int cb = samples[i + 1] - 128;
      int cr = samples[i + 2] - 128;
      rgb[i] = (byte) red(y, cr);
      rgb[i + 1] = (byte) green(y, cb, cr);
      rgb[i + 2] = (byte) blue(y, cb);
    }
  }

  private static int red(int y, int cr) {
    return clamp(y + ((CR_RED * cr + HALF) >> 16));
  }

  private static int green(int y, int cb, int cr) {
    return clamp(y + ((HALF - CB_GREEN * cb - CR_GREEN * cr) >> 16));
  }

  private static int blue(int y, int cb) {
    return clamp(y + ((CB_BLUE * cb + HALF) >> 16));
  }

  /** Samples are stored inverted: 255 is no ink, so what is left of the light is a product. */
  private void inks(int[] samples, int width, byte[] rgb) {
    for (int x = 0; x < width; x++) {
      int first = samples[4 * x];
      int second = samples[4 * x + 1];
      int third = samples[4 * x + 2];
      int light = samples[4 * x + 3];
      if (luma) {
        // YCCK: the three are the luma and chroma of the inks' complement.
        int cb = second - 128;
        int cr = third - 128;
        third = 255 - blue(first, cb);
        second = 255 - green(first, cb, cr);
        first = 255 - red(first, cr);
      }
      rgb[3 * x] = (byte) (light - Inks.share(255 - first, light));
      rgb[3 * x + 1] = (byte) (light - Inks.share(255 - second, light));
      rgb[3 * x + 2] = (byte) (light - Inks.share(255 - third, light));
    }
  }

  private static int clamp(int value) {
    return Math.clamp(value, 0, 255);
  }
}
