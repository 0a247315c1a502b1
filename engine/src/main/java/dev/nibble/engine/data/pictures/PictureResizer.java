package dev.nibble.engine.data.pictures;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import java.util.Arrays;

/**
 * Resizes RGB pictures with a triangle filter: bilinear interpolation where it enlarges, a weighted
 * mean over all source pixels where it shrinks, so that fine patterns do not alias. Where the
 * centre is to be cut out, only what is in it is computed.
 */
public final class PictureResizer {
  private static final int CHANNELS = 3;

  /** The short side of what a centre is cut out of, by that centre's. */
  private static final double AROUND = 256 / 224.0;

  private PictureResizer() {}

  /** Which source pixels make a target pixel, and how much of each: along one axis. */
  private static final class Filter {
    private final int[] first;
    private final float[][] weights;

    private Filter(int[] first, float[][] weights) {
      this.first = first;
      this.weights = weights;
    }

    /** A filter to {@code target} pixels, of which {@code count} from {@code start} on are made. */
    static Filter of(int source, int target, int start, int count) {
      double scale = (double) source / target;
      double support = Math.max(1, scale);
      int[] first = new int[count];
      float[][] weights = new float[count][];
      for (int i = 0; i < count; i++) {
        double centre = (start + i + 0.5) * scale;
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
  public static byte[] resize(RgbPicture picture, PictureSize size) {
    boolean isCut = size.resizing() == Resizing.CENTER_CROP;
    if (!isCut && picture.height() == size.height() && picture.width() == size.width()) {
      return picture.rgb();
    }
    PictureSize whole = isCut ? around(picture, size) : size;
    int top = middle(whole.height() - size.height());
    int left = middle(whole.width() - size.width());
    Filter columns = Filter.of(picture.width(), whole.width(), left, size.width());
    Filter filter = Filter.of(picture.height(), whole.height(), top, size.height());
    float[] narrow = resizeRows(picture, columns, size.width());
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

  /** The size of the whole picture, its aspect kept, of which the centre is cut out. */
  private static PictureSize around(RgbPicture picture, PictureSize size) {
    double rows = Math.rint(size.height() * AROUND);
    double columns = Math.rint(size.width() * AROUND);
    // The side that needs the larger factor fits; the other one has more.
    if (rows * picture.width() >= columns * picture.height()) {
      long width = (long) (rows * picture.width() / picture.height());
      return new PictureSize((int) rows, side(Math.max((long) columns, width)));
    }
    long height = (long) (columns * picture.height() / picture.width());
    return new PictureSize(side(Math.max((long) rows, height)), (int) columns);
  }

  /** Of a picture so long that no size holds it, the middle is stretched. */
  private static int side(long pixels) {
    return (int) Math.min(PictureSize.MAX_SIDE, pixels);
  }

  /** Half of what is left over; a half pixel goes to the even side, as Python rounds it. */
  private static int middle(int rest) {
    return (int) Math.rint(rest / 2.0);
  }

  private static float[] resizeRows(RgbPicture picture, Filter filter, int width) {
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
