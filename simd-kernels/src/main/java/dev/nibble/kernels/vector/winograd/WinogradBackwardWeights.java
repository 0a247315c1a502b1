package dev.nibble.kernels.vector.winograd;

import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static dev.nibble.kernels.vector.winograd.WinogradProduct.POINTS;

import dev.nibble.kernels.vector.tiles.TilePlan;
import dev.nibble.kernels.vector.tiles.Tiles;

/**
 * The gradient of a 3x3 convolution's weights by Winograd's F(3x3, 4x4): the activation's tiles of
 * 6 x 6 pixels and the gradient's of 4 x 4 are brought to the same 36 points, where they are
 * multiplied and summed over all tiles; only a leaf's sum is brought back to 3 x 3 ({@link
 * WinogradWeights#flush}).
 *
 * <p>Rows of tiles are gathered, over pictures where these are small, until there are enough for
 * the sums to be worth loading.
 */
public final class WinogradBackwardWeights {
  /** Tiles that are multiplied at a time. */
  public static final int BLOCK = 32;

  private WinogradBackwardWeights() {}

  /** Floats of the gathered points. */
  public static int workFloats(int tiles, int inChannels, int outChannels) {
    return POINTS
        * (WinogradProduct.pointFloats(tiles, inChannels)
            + WinogradProduct.pointFloats(tiles, outChannels));
  }

  /**
   * Adds a row of tiles to those gathered.
   *
   * @param gathered how many there are already
   * @param capacity how many the work has room for
   * @param columns tiles side by side
   * @param tile index in scratch of the first tile's first pixel of the activation
   * @param tileRow floats from one row of the activation to the next
   * @param dy index in scratch of the first tile's first pixel of the output's gradient; pixels
   *     outside the gradient are zeros
   * @param dyRow floats from one row of the gradient to the next
   * @param work index in scratch of {@link #workFloats}
   */
  public static void gather(
      int inChannels,
      int outChannels,
      int gathered,
      int capacity,
      int columns,
      float[] scratch,
      int tile,
      int tileRow,
      int dy,
      int dyRow,
      int work) {
    int pointX = WinogradProduct.pointFloats(capacity, inChannels);
    int pointY = WinogradProduct.pointFloats(capacity, outChannels);
    int y = work + POINTS * pointX;
    WinogradInput.transform(
        scratch, tile, tileRow, columns, inChannels, scratch, work + gathered * inChannels, pointX);
    WinogradGradient.transform(
        scratch, dy, dyRow, columns, outChannels, scratch, y + gathered * outChannels, pointY);
  }

  /**
   * Multiplies what is gathered and adds it to the sums.
   *
   * @param tiles how many are gathered
   * @param capacity how many the work has room for
   * @param work index in scratch of what is gathered
   * @param sums index in scratch of the sums, [point][C_in][C_out]
   */
  public static void multiply(
      int inChannels,
      int outChannels,
      int tiles,
      int capacity,
      float[] scratch,
      int work,
      int sums) {
    int pointX = WinogradProduct.pointFloats(capacity, inChannels);
    int pointY = WinogradProduct.pointFloats(capacity, outChannels);
    int y = work + POINTS * pointX;
    int vectors = outChannels / LANES;
    for (int p = 0; p < POINTS; p++) {
      int v;
      for (int first = 0; first < vectors; first += v) {
        v = TilePlan.PIXEL.block(vectors - first, inChannels);
        Tiles.pixel(
            v,
            inChannels,
            1,
            tiles,
            scratch,
            work + p * pointX,
            0,
            inChannels,
            scratch,
            y + p * pointY + first * LANES,
            0,
            outChannels,
            scratch,
            sums + p * inChannels * outChannels + first * LANES,
            outChannels);
      }
    }
  }
}
