package dev.nibble.engine.data.pictures;

/** Cyan, magenta, yellow and black as light, without a profile. */
final class Inks {
  private Inks() {}

  /** A share of 255ths of a light, rounded. */
  static int share(int ink, int light) {
    int product = ink * light + 128;
    return ((product >> 8) + product) >> 8;
  }

  /**
   * Turns a row.
   *
   * @param inks four of 0 (none) to 255 a pixel
   */
  static void convert(int[] inks, int width, byte[] rgb) {
    for (int x = 0; x < width; x++) {
      int light = 255 - inks[4 * x + 3];
      for (int c = 0; c < 3; c++) {
        rgb[3 * x + c] = (byte) (light - share(inks[4 * x + c], light));
      }
    }
  }
}
