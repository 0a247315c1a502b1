package dev.nibble.engine.data;

import dev.nibble.engine.data.random.SplitMix64;

/**
 * A part of a picture, in pixels.
 *
 * @param top first row
 * @param left first column
 * @param height rows, at least 1
 * @param width columns, at least 1
 */
record CropBox(int top, int left, int height, int width) {
  private static final double LEAST_AREA = 0.08;
  private static final double LEAST_RATIO = 3 / 4.0;
  private static final double MOST_RATIO = 4 / 3.0;
  private static final int TRIES = 10;

  /**
   * A random part: 8 to 100 % of the area, uniformly; width over height 3/4 to 4/3, uniformly in
   * its logarithm; anywhere. Where ten tries do not fit into a long picture, the largest centred
   * part whose sides are within these bounds. Source: Szegedy et al. 2014, "Going Deeper with
   * Convolutions", section 6, as torchvision's RandomResizedCrop draws it.
   *
   * @param key what is drawn from
   */
  static CropBox random(long key, int height, int width) {
    for (int i = 0; i < TRIES; i++) {
      double area = (double) height * width * (LEAST_AREA + (1 - LEAST_AREA) * unit(key, 4 * i));
      double span = Math.log(MOST_RATIO / LEAST_RATIO);
      double ratio = LEAST_RATIO * Math.exp(span * unit(key, 4 * i + 1));
      int columns = (int) Math.round(Math.sqrt(area * ratio));
      int rows = (int) Math.round(Math.sqrt(area / ratio));
      if (columns >= 1 && columns <= width && rows >= 1 && rows <= height) {
        int top = SplitMix64.bounded(SplitMix64.at(key, 4 * i + 2), height - rows + 1);
        int left = SplitMix64.bounded(SplitMix64.at(key, 4 * i + 3), width - columns + 1);
        return new CropBox(top, left, rows, columns);
      }
    }
    int columns = Math.max(1, (int) Math.min(width, Math.round(height * MOST_RATIO)));
    int rows = Math.max(1, (int) Math.min(height, Math.round(width / LEAST_RATIO)));
    return new CropBox((height - rows) / 2, (width - columns) / 2, rows, columns);
  }

  private static double unit(long key, int counter) {
    return SplitMix64.unit(SplitMix64.at(key, counter));
  }
}
