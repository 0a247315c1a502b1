package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.WinogradProduct.POINTS;
import static dev.nibble.kernels.vector.WinogradProduct.TILE;

import dev.nibble.kernels.Operator.Convolution;

/**
 * The gradient of a 3x3 convolution's weights by Winograd's F(3x3, 4x4): the activation's tiles of
 * 6 x 6 pixels and the gradient's of 4 x 4 are brought to the same 36 points, where they are
 * multiplied and summed over all tiles; only a shard's sum is brought back to 3 x 3 ({@link
 * WinogradWeights#flush}).
 *
 * <p>Pictures are gathered until they have tiles enough for the sums to be worth loading.
 */
final class WinogradBackwardWeights {
  /** Tiles that are multiplied at a time. */
  private static final int BLOCK = 32;

  private WinogradBackwardWeights() {}

  private static int tiles(Convolution conv) {
    return conv.outputHeight() / TILE * (conv.outputWidth() / TILE);
  }

  /** Pictures that are gathered. */
  static int pictures(Convolution conv) {
    return Math.max(1, BLOCK / tiles(conv));
  }

  private static int point(Convolution conv, int channels) {
    return WinogradProduct.pointFloats(pictures(conv) * tiles(conv), channels);
  }

  /** Floats of the gathered points. */
  static int workFloats(Convolution conv) {
    return POINTS * (point(conv, conv.input().channels()) + point(conv, conv.outChannels()));
  }

  /**
   * Adds a picture to those gathered.
   *
   * @param index which of {@link #pictures} it is
   * @param tile index in scratch of the activation's tile, as in {@link ConvolutionGeometry}
   * @param dy index in scratch of the output gradient's tile
   * @param work index in scratch of {@link #workFloats}
   */
  static void gather(Convolution conv, int index, float[] scratch, int tile, int dy, int work) {
    int inChannels = conv.input().channels();
    int outChannels = conv.outChannels();
    int columns = conv.outputWidth() / TILE;
    int rows = conv.outputHeight() / TILE;
    int tileRow = ConvolutionGeometry.tileRow(conv);
    int dyRow = ConvolutionGeometry.dyRow(conv);
    int pointX = point(conv, inChannels);
    int pointY = point(conv, outChannels);
    int y = work + POINTS * pointX;
    int from = dy + ConvolutionGeometry.dyOrigin(conv);
    for (int i = 0; i < rows; i++) {
      int first = index * tiles(conv) + i * columns;
      WinogradInput.transform(
          scratch,
          tile + i * TILE * tileRow,
          tileRow,
          columns,
          inChannels,
          scratch,
          work + first * inChannels,
          pointX);
      WinogradGradient.transform(
          scratch,
          from + i * TILE * dyRow,
          dyRow,
          columns,
          outChannels,
          scratch,
          y + first * outChannels,
          pointY);
    }
  }

  /**
   * Multiplies what is gathered and adds it to the sums.
   *
   * @param pictures how many are gathered
   * @param work index in scratch of what is gathered
   * @param sums index in scratch of the sums, [point][C_in][C_out]
   */
  static void multiply(Convolution conv, int pictures, float[] scratch, int work, int sums) {
    int inChannels = conv.input().channels();
    int outChannels = conv.outChannels();
    int pointX = point(conv, inChannels);
    int pointY = point(conv, outChannels);
    int y = work + POINTS * pointX;
    int tiles = pictures * tiles(conv);
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
