package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.random.SplitMix64;

/** Fills a random rectangle with the picture's mean. */
final class RandomErasing {
  private static final int TRIES = 10;
  private static final double LEAST_AREA = 0.02;
  private static final double MOST_AREA = 0.33;
  private static final double MOST_RATIO = 3.3;
  private static final double LEAST_RATIO = 0.3;

  private RandomErasing() {}

  static void apply(Pixels picture, long key) {
    int height = picture.height();
    int width = picture.width();
    for (int i = 0; i < TRIES; i++) {
      int draw = 4 * i + 1;
      double area =
          (double) height
              * width
              * (LEAST_AREA + (MOST_AREA - LEAST_AREA) * Augmentations.unit(key, draw));
      double span = Math.log(MOST_RATIO / LEAST_RATIO);
      double ratio = LEAST_RATIO * Math.exp(span * Augmentations.unit(key, draw + 1));
      int rows = (int) Math.round(Math.sqrt(area * ratio));
      int columns = (int) Math.round(Math.sqrt(area / ratio));
      if (rows >= 1 && rows < height && columns >= 1 && columns < width) {
        int top = SplitMix64.bounded(SplitMix64.at(key, draw + 2), height - rows + 1);
        int left = SplitMix64.bounded(SplitMix64.at(key, draw + 3), width - columns + 1);
        fill(picture, top, left, rows, columns);
        return;
      }
    }
  }

  private static void fill(Pixels picture, int top, int left, int rows, int columns) {
    for (int c = 0; c < picture.channels(); c++) {
      double sum = 0;
      for (int row = 0; row < picture.height(); row++) {
        for (int column = 0; column < picture.width(); column++) {
          sum += picture.get(row, column, c);
        }
      }
      double mean = sum / (picture.height() * picture.width());
      for (int row = top; row < top + rows; row++) {
        for (int column = left; column < left + columns; column++) {
          picture.set(row, column, c, mean);
        }
      }
    }
  }
}
