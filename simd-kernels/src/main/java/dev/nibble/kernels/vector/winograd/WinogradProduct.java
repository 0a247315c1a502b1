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

  private WinogradProduct() {}

  /** Tiles that cover that many pixels. */
  public static int tiles(int pixels) {
    return (pixels + TILE - 1) / TILE;
  }

  /** Rows of tiles in a block. */
  static int blockRows(int height, int width, int inChannels, int outChannels) {
    int most = Math.clamp(WORK / (POINTS * (inChannels + outChannels)), 1, BLOCK);
    return Math.clamp(most / tiles(width), 1, tiles(height));
  }

  /**
   * Floats from one point of a block to the next: apart from a power of two, for the cache's sake.
   */
  static int pointFloats(int tiles, int channels) {
    return tiles * channels + LANES;
  }

  /** Floats of the points of one block, before and after the product. */
  public static int workFloats(int height, int width, int inChannels, int outChannels) {
    int tiles = blockRows(height, width, inChannels, outChannels) * tiles(width);
    return POINTS * (pointFloats(tiles, inChannels) + pointFloats(tiles, outChannels));
  }

  /**
   * Convolves a picture, or some of its rows.
   *
   * @param height rows, at least four
   * @param firstVector the first output vector, which begins a panel
   * @param endVector the end of the output vectors, which ends one; of the others, what is written
   *     does not matter
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
    int aRow = (width + 2) * inChannels;
    int yRow = width * outChannels;
    int pointV = pointFloats(block * columns, inChannels);
    int pointM = pointFloats(block * columns, outChannels);
    int mt = workAt + POINTS * pointV;
    int whole = width / TILE;
    for (int first = 0; first < rows; first += block) {
      int count = Math.min(block, rows - first);
      for (int i = 0; i < count; i++) {
        int from = at + Math.min((first + i) * TILE, height - TILE) * aRow;
        int to = workAt + i * columns * inChannels;
        WinogradInput.transform(a, from, aRow, whole, inChannels, work, to, pointV);
        if (whole < columns) {
          from += (width - TILE) * inChannels;
          to += whole * inChannels;
          WinogradInput.transform(a, from, aRow, 1, inChannels, work, to, pointV);
        }
      }
      multiply(
          count * columns,
          inChannels,
          outChannels,
          firstVector,
          endVector,
          work,
          workAt,
          pointV,
          u,
          mt,
          pointM);
      for (int i = 0; i < count; i++) {
        int from = mt + i * columns * outChannels;
        int to = yt + Math.min((first + i) * TILE, height - TILE) * yRow;
        WinogradOutput.transform(work, from, pointM, outChannels, whole, y, to, yRow);
        if (whole < columns) {
          from += whole * outChannels;
          to += (width - TILE) * outChannels;
          WinogradOutput.transform(work, from, pointM, outChannels, 1, y, to, yRow);
        }
      }
    }
  }

  /** M = V U at every point. */
  private static void multiply(
      int tiles,
      int inChannels,
      int outChannels,
      int firstVector,
      int endVector,
      float[] work,
      int vt,
      int pointV,
      float[] u,
      int mt,
      int pointM) {
    int vectors = outChannels / LANES;
    int plane = inChannels * outChannels;
    for (int p = 0; p < POINTS; p++) {
      int v;
      for (int first = firstVector; first < endVector; first += v) {
        v = TilePlan.PANEL.block(vectors - first, TilePlan.MANY);
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
            p * plane + first * LANES * inChannels,
            work,
            mt + p * pointM + first * LANES,
            outChannels);
      }
    }
  }
}
