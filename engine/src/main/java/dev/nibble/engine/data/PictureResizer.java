package dev.nibble.engine.data;

import dev.nibble.engine.data.pictures.RgbPicture;
import java.util.Arrays;

/**
 * Resizes RGB pictures with a triangle filter: bilinear interpolation where it enlarges, a weighted
 * mean over all source pixels where it shrinks, so that fine patterns do not alias. The sides are
 * scaled independently: a picture of another aspect ratio is stretched, not cropped.
 */
final class PictureResizer {
  private static final int CHANNELS = 3;

  private PictureResizer() {}

  /** Which source pixels make a target pixel, and how much of each: along one axis. */
  private static final class Filter {
    private final int[] first;
    private final float[][] weights;

    private Filter(int[] first, float[][] weights) {
      this.first = first;
      this.weights = weights;
    }

    static Filter of(int source, int target) {
      double scale = (double) source / target;
      double support = Math.max(1, scale);
      int[] first = new int[target];
      float[][] weights = new float[target][];
      for (int i = 0; i < target; i++) {
        double centre = (i + 0.5) * scale;
        int from = Math.max(0, (int) Math.floor(centre - support));
        int to = Math.min(source, (int) Math.ceil(centre + support));
        double[] raw = new double[to - from];
        double sum = 0;
        for (int k = from; k < to; k++) {
          raw[k - from] = Math.max(0, 1 - Math.abs(k + 0.5 - centre) / support);
          sum += raw[k - from];
        }
        first[i] = from;
        weights[i] = new float[to - from];
        for (int k = 0; k < raw.length; k++) {
          weights[i][k] = (float) (raw[k] / sum);
        }
      }
      return new Filter(first, weights);
    }
  }

  /**
   * The picture at the given size: height x width x 3 bytes; the picture's own array if it fits.
   */
  static byte[] resize(RgbPicture picture, PictureSize size) {
    if (picture.height() == size.height() && picture.width() == size.width()) {
      return picture.rgb();
    }
    float[] narrow = resizeRows(picture, size.width());
    Filter filter = Filter.of(picture.height(), size.height());
    int stride = size.width() * CHANNELS;
    byte[] result = new byte[size.height() * stride];
    float[] row = new float[stride];
    for (int y = 0; y < size.height(); y++) {
      Arrays.fill(row, 0.5f);
      float[] weights = filter.weights[y];
      for (int k = 0; k < weights.length; k++) {
        int from = (filter.first[y] + k) * stride;
        for (int i = 0; i < stride; i++) {
          row[i] += weights[k] * narrow[from + i];
        }
      }
      for (int i = 0; i < stride; i++) {
        result[y * stride + i] = (byte) (int) Math.min(255f, row[i]);
      }
    }
    return result;
  }

  private static float[] resizeRows(RgbPicture picture, int width) {
    Filter filter = Filter.of(picture.width(), width);
    byte[] rgb = picture.rgb();
    float[] result = new float[Math.multiplyExact(picture.height(), width * CHANNELS)];
    int at = 0;
    for (int y = 0; y < picture.height(); y++) {
      int rowStart = y * picture.width() * CHANNELS;
      for (int x = 0; x < width; x++) {
        float[] weights = filter.weights[x];
        int from = rowStart + filter.first[x] * CHANNELS;
        for (int c = 0; c < CHANNELS; c++) {
          float sum = 0;
          for (int k = 0; k < weights.length; k++) {
            sum += weights[k] * (rgb[from + k * CHANNELS + c] & 0xFF);
          }
          result[at++] = sum;
        }
      }
    }
    return result;
  }
}
