package dev.nibble.engine.data;

import java.util.Arrays;

/**
 * Scales a part of a picture with a triangle filter: bilinear interpolation where it enlarges, a
 * weighted mean over all its pixels where it shrinks, so that fine patterns do not alias. Pixels
 * outside the part never show.
 */
final class CropResizer {
  /** Which pixels of the part make a target pixel, and how much of each: along one axis. */
  private static final class Filter {
    private final int first;
    private final float[] weights;

    private Filter(int first, float[] weights) {
      this.first = first;
      this.weights = weights;
    }

    static Filter of(int source, int target, int i) {
      double scale = (double) source / target;
      double support = Math.max(1, scale);
      double centre = (i + 0.5) * scale;
      int from = Math.max(0, (int) Math.floor(centre - support));
      int to = Math.min(source, (int) Math.ceil(centre + support));
      double sum = 0;
      for (int k = from; k < to; k++) {
        sum += weight(k, centre, support);
      }
      float[] weights = new float[to - from];
      for (int k = from; k < to; k++) {
        weights[k - from] = (float) (weight(k, centre, support) / sum);
      }
      return new Filter(from, weights);
    }

    private static double weight(int k, double centre, double support) {
      return Math.max(0, 1 - Math.abs(k + 0.5 - centre) / support);
    }
  }

  private CropResizer() {}

  /**
   * The part at the given size: height x width x channels bytes.
   *
   * @param pixels the whole picture, rows of {@code pictureWidth} pixels
   * @param box the part of it
   */
  static byte[] resize(
      byte[] pixels, int pictureWidth, int channels, CropBox box, PictureSize size) {
    int stride = size.width() * channels;
    float[] narrow = narrowed(pixels, pictureWidth, channels, box, size.width());
    byte[] result = new byte[size.height() * stride];
    float[] row = new float[stride];
    for (int y = 0; y < size.height(); y++) {
      Filter filter = Filter.of(box.height(), size.height(), y);
      Arrays.fill(row, 0.5f);
      for (int k = 0; k < filter.weights.length; k++) {
        float weight = filter.weights[k];
        int from = (filter.first + k) * stride;
        for (int i = 0; i < stride; i++) {
          row[i] += weight * narrow[from + i];
        }
      }
      for (int i = 0; i < stride; i++) {
        result[y * stride + i] = (byte) (int) Math.min(255f, row[i]);
      }
    }
    return result;
  }

  /** The part's rows, each scaled to the target's width. */
  private static float[] narrowed(
      byte[] pixels, int pictureWidth, int channels, CropBox box, int width) {
    float[] result = new float[Math.multiplyExact(box.height(), width * channels)];
    for (int x = 0; x < width; x++) {
      Filter filter = Filter.of(box.width(), width, x);
      float[] weights = filter.weights;
      for (int y = 0; y < box.height(); y++) {
        int from = ((box.top() + y) * pictureWidth + box.left() + filter.first) * channels;
        int to = (y * width + x) * channels;
        for (int c = 0; c < channels; c++) {
          float sum = 0;
          for (int k = 0; k < weights.length; k++) {
            sum += weights[k] * (pixels[from + k * channels + c] & 0xFF);
          }
          result[to + c] = sum;
        }
      }
    }
    return result;
  }
}
