package dev.nibble.engine.data.pictures;

/**
 * Collects a picture row by row at a whole fraction of its size: each pixel is the mean of those it
 * stands for, so that fine stripes become grey, not black or white.
 */
final class BoxFilter {
  private final int height;
  private final int width;
  private final int factor;
  private final byte[] rgb;
  private final int[] sums;
  private int rows;
  private int target;

  /**
   * Prepares a picture.
   *
   * @param factor rows and columns that become one; 1 keeps the picture as it is
   */
  BoxFilter(int height, int width, int factor) {
    this.height = height;
    this.width = width;
    this.factor = factor;
    this.rgb =
        new byte[Math.multiplyExact(3, Math.ceilDiv(height, factor) * Math.ceilDiv(width, factor))];
    this.sums = new int[factor == 1 ? 0 : 3 * Math.ceilDiv(width, factor)];
  }

  /** The smallest factor that leaves at most so many pixels. */
  static int factor(long height, long width, long mostPixels) {
    int factor = (int) Math.ceil(Math.sqrt((double) height * width / mostPixels));
    return Math.max(1, factor);
  }

  /** Adds the next row: 3 bytes a pixel. */
  void add(byte[] row) {
    if (factor == 1) {
      System.arraycopy(row, 0, rgb, target, 3 * width);
      target += 3 * width;
      return;
    }
    for (int x = 0, at = 0; x < width; x += factor, at += 3) {
      int end = 3 * Math.min(width, x + factor);
      for (int i = 3 * x; i < end; i += 3) {
        sums[at] += row[i] & 0xFF;
        sums[at + 1] += row[i + 1] & 0xFF;
        sums[at + 2] += row[i + 2] & 0xFF;
      }
    }
    rows++;
    if (rows % factor == 0 || rows == height) {
      finishRow((rows - 1) % factor + 1);
    }
  }

  private void finishRow(int inThis) {
    for (int i = 0; i < sums.length; i++) {
      int columns = Math.min(factor, width - i / 3 * factor);
      int pixels = columns * inThis;
      rgb[target++] = (byte) ((sums[i] + pixels / 2) / pixels);
      sums[i] = 0;
    }
  }

  RgbPicture picture() {
    return new RgbPicture(Math.ceilDiv(height, factor), Math.ceilDiv(width, factor), rgb);
  }
}
