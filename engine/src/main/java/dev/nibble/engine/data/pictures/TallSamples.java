package dev.nibble.engine.data.pictures;

import dev.nibble.engine.data.pictures.JpegFile.Component;
import java.awt.image.Raster;

/**
 * Gives the samples of a JPEG file row by row, with components that have every row half as often as
 * others (4:4:0) interpolated: the decoder repeats their rows, where libjpeg-turbo takes three
 * quarters of the nearer and one of the other. All other shares it interpolates as that does.
 */
final class TallSamples {
  private final Raster raster;
  private final int first;
  private final int height;
  private final boolean[] halved;
  private final int[] other;

  /**
   * Reads out of a raster that holds rows of a picture.
   *
   * @param first the picture's row that is the raster's first
   * @param height the picture's rows
   */
  TallSamples(Raster raster, int first, int height, Component[] components) {
    this.raster = raster;
    this.first = first;
    this.height = height;
    this.halved = halved(components);
    this.other = new int[isAny() ? raster.getWidth() : 0];
  }

  private static boolean[] halved(Component[] components) {
    int across = 0;
    int down = 0;
    for (Component component : components) {
      across = Math.max(across, component.across());
      down = Math.max(down, component.down());
    }
    boolean[] halved = new boolean[components.length];
    for (int i = 0; i < halved.length; i++) {
      halved[i] = components[i].across() == across && 2 * components[i].down() == down;
    }
    return halved;
  }

  private boolean isAny() {
    for (boolean one : halved) {
      if (one) {
        return true;
      }
    }
    return false;
  }

  /** Rows that a part of a picture needs beyond its own, before and behind. */
  static int halo(Component[] components) {
    for (boolean one : halved(components)) {
      if (one) {
        return 1;
      }
    }
    return 0;
  }

  /** The samples of a row of the picture, a sample a component and pixel. */
  void read(int y, int[] samples) {
    int width = raster.getWidth();
    raster.getPixels(0, y - first, width, 1, samples);
    int bands = halved.length;
    for (int band = 0; band < bands; band++) {
      if (!halved[band]) {
        continue;
      }
      boolean upper = y % 2 == 0;
      int near = Math.clamp(upper ? y - 1L : y + 1L, 0, height - 1);
      raster.getSamples(0, near - first, width, 1, band, other);
      int bias = upper ? 1 : 2;
      for (int x = 0; x < width; x++) {
        int at = x * bands + band;
        samples[at] = (3 * samples[at] + other[x] + bias) >> 2;
      }
    }
  }
}
