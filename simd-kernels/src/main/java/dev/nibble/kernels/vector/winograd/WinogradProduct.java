package dev.nibble.kernels.vector.winograd;

import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.vector.tiles.TilePlan;
import dev.nibble.kernels.vector.tiles.Tiles;

/**
 * A 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): a tile of 6 x 6 pixels is brought to 36
 * points ({@link WinogradInput}), where the convolution is a product of channels only, and back to
 * 4 x 4 pixels ({@link WinogradOutput}). 36 products stand for 144. The forward product and the one
 * for the input's gradient are the same; only their weights differ ({@link WinogradWeights}).
 *
 * <p>Where a picture is no multiple of four wide or high, the last tiles are moved back inside and
 * make some pixels a second time.
 *
 * <p>Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
 */
public final class WinogradProduct {
  /** Points of a tile. */
  public static final int POINTS = 36;

  /** Pixels that a tile makes, in a row. */
  public static final int TILE = 4;

  /** Tiles that are worked on at a time, where there are as many and their points fit. */
  private static final int BLOCK = 32;

  /** Floats that the points of a block may take, as near as whole rows of tiles come to it. */
  private static final int WORK = 1 << 18;

  /** Floats of packed weights that a core's own cache holds. */
  private static final int CACHE = 1 << 18;

  /** Floats that the points of gathered pictures may take. */
  private static final int GATHERED = 3 << 17;

  /** Output channels whose products are made and brought back together: the widest panel. */
  private static final int PANEL = TilePlan.MAX_VECTORS * LANES;

  private WinogradProduct() {}

  /** Tiles that cover that many pixels. */
  public static int tiles(int pixels) {
    return (pixels + TILE - 1) / TILE;
  }

  /** Rows of tiles in a block. */
  static int blockRows(int height, int width, int inChannels, int outChannels) {
    int most = Math.clamp(WORK / blockFloats(1, inChannels, outChannels), 1, BLOCK);
    return Math.clamp(most / tiles(width), 1, tiles(height));
  }

  /**
   * Pictures that are brought to points before they are multiplied, so that weights which a core's
   * cache does not hold are read once for all of them: small ones only, and 1 where the weights
   * stay.
   */
  public static int pictures(int height, int width, int inChannels, int outChannels) {
    if ((long) POINTS * inChannels * outChannels <= CACHE) {
      return 1;
    }
    int tiles = tiles(height) * tiles(width);
    int count = Math.max(1, BLOCK / tiles);
    while (count > 1 && blockFloats(count * tiles, inChannels, outChannels) > GATHERED) {
      count--;
    }
    return count;
  }

  /**
   * Floats from one point of a block to the next: apart from a power of two, for the cache's sake.
   */
  static int pointFloats(int tiles, int channels) {
    return tiles * channels + LANES;
  }

  /** Floats of the points of so many tiles, before the product and, of a panel, after it. */
  private static int blockFloats(int tiles, int inChannels, int outChannels) {
    int panel = Math.min(PANEL, outChannels);
    return POINTS * (pointFloats(tiles, inChannels) + pointFloats(tiles, panel));
  }

  /** Floats of the points of one block, before and after the product. */
  public static int workFloats(int height, int width, int inChannels, int outChannels) {
    int tiles = blockRows(height, width, inChannels, outChannels) * tiles(width);
    return blockFloats(tiles, inChannels, outChannels);
  }

  /** Floats of the points of gathered pictures. */
  public static int gatheredFloats(
      int pictures, int height, int width, int inChannels, int outChannels) {
    return blockFloats(pictures * tiles(height) * tiles(width), inChannels, outChannels);
  }

  /**
   * Convolves a picture, or some of its rows.
   *
   * @param height rows, at least four
   * @param firstVector the first output vector, which begins a panel
   * @param endVector the end of the output vectors, which ends one; the others are not written
   * @param a the pixels with a border of one pixel, from index {@code at} on
   * @param inChannels a multiple of LANES
   * @param u what {@link WinogradWeights} packed
   * @param work {@link #workFloats} from index {@code workAt} on; may be {@code a} or {@code y}
   * @param y height x width x outChannels, from index {@code yt} on
   * @param outChannels a multiple of LANES
   */
  public static void run(
      int height,
      int width,
      int inChannels,
      int outChannels,
      int firstVector,
      int endVector,
      float[] a,
      int at,
      float[] u,
      float[] work,
      int workAt,
      float[] y,
      int yt) {
    int columns = tiles(width);
    int rows = tiles(height);
    int block = blockRows(height, width, inChannels, outChannels);
    int pointV = pointFloats(block * columns, inChannels);
    int mt = workAt + POINTS * pointV;
    for (int first = 0; first < rows; first += block) {
      int end = Math.min(rows, first + block);
      bring(height, width, inChannels, first, end, a, at, work, workAt, pointV);
      int tiles = (end - first) * columns;
      int v;
      for (int vector = firstVector; vector < endVector; vector += v) {
        v = panel(outChannels, vector);
        int from = vector * LANES * inChannels;
        multiply(v, tiles, inChannels, u, from, inChannels * outChannels, work, workAt, pointV);
        int pointM = pointFloats(tiles, v * LANES);
        int to = yt + vector * LANES;
        back(height, width, v * LANES, outChannels, first, end, work, mt, pointM, y, to);
      }
    }
  }

  /**
   * Brings picture {@code index} of several to its points.
   *
   * @param pictures those that are multiplied together
   * @param a the pixels with a border of one pixel, from index {@code at} on
   * @param work {@link #gatheredFloats} from index {@code workAt} on
   */
  public static void gather(
      int index,
      int pictures,
      int height,
      int width,
      int inChannels,
      float[] a,
      int at,
      float[] work,
      int workAt) {
    int tiles = tiles(height) * tiles(width);
    int to = workAt + index * tiles * inChannels;
    int pointV = pointFloats(pictures * tiles, inChannels);
    bring(height, width, inChannels, 0, tiles(height), a, at, work, to, pointV);
  }

  /** Vectors of the panel of weights that begins with output vector {@code vector}. */
  public static int panel(int outChannels, int vector) {
    return TilePlan.PANEL.block(outChannels / LANES - vector, TilePlan.MANY);
  }

  /**
   * Multiplies {@code count} of the {@code pictures} that {@link #gather} brought to their points
   * by a panel of the weights.
   *
   * @param vector the first output vector of the panel
   * @param portionVector the first output vector of the packed portion of the weights
   * @param portionEnd the end of its output vectors
   */
  public static void multiplyGathered(
      int count,
      int pictures,
      int height,
      int width,
      int inChannels,
      int outChannels,
      int vector,
      int portionVector,
      int portionEnd,
      float[] u,
      float[] work,
      int workAt) {
    int tiles = tiles(height) * tiles(width);
    int plane = inChannels * LANES * (portionEnd - portionVector);
    int v = panel(outChannels, vector);
    multiply(
        v,
        count * tiles,
        inChannels,
        u,
        (vector - portionVector) * LANES * inChannels,
        plane,
        work,
        workAt,
        pointFloats(pictures * tiles, inChannels));
  }

  /**
   * Brings the panel's outputs of picture {@code index} of {@code count} back to pixels.
   *
   * @param y height x width x outChannels, from index {@code yt} on
   */
  public static void backGathered(
      int index,
      int count,
      int pictures,
      int height,
      int width,
      int inChannels,
      int outChannels,
      int vector,
      float[] work,
      int workAt,
      float[] y,
      int yt) {
    int tiles = tiles(height) * tiles(width);
    int channels = panel(outChannels, vector) * LANES;
    int mt = workAt + POINTS * pointFloats(pictures * tiles, inChannels) + index * tiles * channels;
    int pointM = pointFloats(count * tiles, channels);
    int to = yt + vector * LANES;
    back(height, width, channels, outChannels, 0, tiles(height), work, mt, pointM, y, to);
  }

  /** Transforms rows {@code [first, end)} of a picture's tiles. */
  private static void bring(
      int height,
      int width,
      int channels,
      int first,
      int end,
      float[] a,
      int at,
      float[] work,
      int vt,
      int pointV) {
    int columns = tiles(width);
    int whole = width / TILE;
    int aRow = (width + 2) * channels;
    int to = vt;
    for (int row = first; row < end; row++) {
      int from = at + Math.min(row * TILE, height - TILE) * aRow;
      WinogradInput.transform(a, from, aRow, whole, channels, work, to, pointV);
      if (whole < columns) {
        from += (width - TILE) * channels;
        WinogradInput.transform(a, from, aRow, 1, channels, work, to + whole * channels, pointV);
      }
      to += columns * channels;
    }
  }

  /** M = V U at every point, for a panel of outputs; M lies behind V. */
  private static void multiply(
      int v,
      int tiles,
      int inChannels,
      float[] u,
      int ut,
      int plane,
      float[] work,
      int vt,
      int pointV) {
    int mt = vt + POINTS * pointV;
    int pointM = pointFloats(tiles, v * LANES);
    for (int p = 0; p < POINTS; p++) {
      Tiles.panel(
          v,
          tiles,
          1,
          1,
          inChannels,
          work,
          vt + p * pointV,
          inChannels,
          0,
          0,
          u,
          ut + p * plane,
          work,
          mt + p * pointM,
          v * LANES);
    }
  }

  /** Transforms a panel of rows {@code [first, end)} of a picture's tiles back. */
  private static void back(
      int height,
      int width,
      int channels,
      int outChannels,
      int first,
      int end,
      float[] work,
      int mt,
      int pointM,
      float[] y,
      int yt) {
    int columns = tiles(width);
    int whole = width / TILE;
    int yRow = width * outChannels;
    int from = mt;
    for (int row = first; row < end; row++) {
      int to = yt + Math.min(row * TILE, height - TILE) * yRow;
      WinogradOutput.transform(work, from, pointM, channels, whole, y, to, outChannels, yRow);
      if (whole < columns) {
        to += (width - TILE) * outChannels;
        WinogradOutput.transform(
            work, from + whole * channels, pointM, channels, 1, y, to, outChannels, yRow);
      }
      from += columns * channels;
    }
  }
}
