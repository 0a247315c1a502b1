package dev.nibble.engine.data.pictures;

import java.io.IOException;

/** Adds up the samples of 16 bits that a TIFF file holds as differences from those before. */
final class TiffDifferences {
  private static final int MASK = 0xFFFF;

  private final int run;
  private final boolean inverted;

  TiffDifferences(TiffFile page) throws IOException {
    run = page.differencesEnd();
    inverted = page.isInverted();
  }

  /**
   * Turns a row of a picture into samples, in place.
   *
   * @param bands samples a pixel
   */
  void add(int[] row, int bands) {
    int flip = inverted ? MASK : 0;
    for (int i = 0; i < row.length; i++) {
      boolean isFirst = i / bands % run == 0;
      int before = isFirst ? 0 : row[i - bands] ^ flip;
      row[i] = (before + (row[i] ^ flip) & MASK) ^ flip;
    }
  }
}
