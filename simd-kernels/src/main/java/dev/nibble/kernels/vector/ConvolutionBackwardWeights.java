package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.MemorySegment;

/**
 * The backward product for the weights: dw += tile^T * dy tile, summed over pixels.
 *
 * <p>For a row ky of the kernel, weight (kx, c) meets the tile at kx * C_in + c from each pixel's
 * window, so kx and c are one index i of k * C_in contiguous floats. Either the vectors run over
 * the output channels and i is broadcast, or, where the output has too few channels to fill several
 * vectors, they run over i and the output channels are broadcast (transposed).
 */
final class ConvolutionBackwardWeights {
  private ConvolutionBackwardWeights() {}

  /** Whether dw is accumulated as [ky][C_out][k * C_in] instead of [ky][k * C_in][C_out]. */
  static boolean isTransposed(int kernel, int inChannels, int outChannels) {
    int row = kernel * inChannels;
    int rowVectors = (row + LANES - 1) / LANES;
    int outVectors = (outChannels + LANES - 1) / LANES;
    // The transposed sums cost more to write out, so a near tie is not worth it.
    return TilePlan.PIXEL.cost(rowVectors, outChannels)
        < 0.93f * TilePlan.PIXEL.cost(outVectors, row);
  }

  /** Floats of the accumulator. */
  static long floats(int kernel, int inChannels, int outChannels) {
    long row = (long) kernel * inChannels;
    long plane =
        isTransposed(kernel, inChannels, outChannels)
            ? outChannels * ((row + LANES - 1) / LANES * LANES)
            : row * Lanes.roundUp(outChannels);
    return kernel * plane;
  }

  /**
   * Adds the gradient of a part of the weights over some pixels.
   *
   * @param rows output rows
   * @param width pixels of a row
   * @param inChannels channels of the tile
   * @param outChannels channels of dy
   * @param tile the activation from index {@code tileAt} on, the first window's first pixel
   * @param tileRow floats from one row of the tile to the next
   * @param dy the output's gradient from index {@code dyAt} on
   * @param dyRow floats from one row of dy to the next
   * @param dw accumulator from index {@code dwAt} on
   */
  static void accumulate(
      Convolution conv,
      int rows,
      int width,
      int inChannels,
      int outChannels,
      float[] tile,
      int tileAt,
      int tileRow,
      float[] dy,
      int dyAt,
      int dyRow,
      float[] dw,
      int dwAt) {
    int kernel = conv.window().kernelHeight();
    int row = kernel * inChannels;
    int tileStep = conv.window().strideHeight() * inChannels;
    boolean transposed = isTransposed(kernel, inChannels, outChannels);
    int count = transposed ? outChannels : row;
    int stride = Lanes.roundUp(transposed ? row : outChannels);
    int vectors = stride / LANES;
    int v;
    for (int ky = 0; ky < kernel; ky++) {
      int from = tileAt + ky * tileRow;
      int to = dwAt + ky * count * stride;
      for (int first = 0; first < vectors; first += v) {
        v = TilePlan.PIXEL.block(vectors - first, count);
        Tiles.pixel(
            v,
            count,
            rows,
            width,
            transposed ? dy : tile,
            transposed ? dyAt : from,
            transposed ? dyRow : conv.window().strideHeight() * tileRow,
            transposed ? outChannels : tileStep,
            transposed ? tile : dy,
            (transposed ? from : dyAt) + first * LANES,
            transposed ? conv.window().strideHeight() * tileRow : dyRow,
            transposed ? tileStep : outChannels,
            dw,
            to + first * LANES,
            stride);
      }
    }
  }

  /**
   * Writes an accumulated part, input channels from {@code fromIn} and output channels from {@code
   * fromOut} on, into k x k x C_in x C_out floats.
   *
   * @param target written from byte {@code offset} on
   */
  static void flush(
      Convolution conv,
      int fromIn,
      int inChannels,
      int fromOut,
      int outChannels,
      float[] dw,
      int dwAt,
      MemorySegment target,
      long offset) {
    int kernel = conv.window().kernelHeight();
    int all = conv.outChannels();
    int row = kernel * inChannels;
    boolean transposed = isTransposed(kernel, inChannels, outChannels);
    int stride = Lanes.roundUp(transposed ? row : outChannels);
    for (int tap = 0; tap < kernel * kernel; tap++) {
      int ky = tap / kernel;
      for (int i = 0; i < inChannels; i++) {
        long to =
            offset + 4L * (((long) tap * conv.input().channels() + fromIn + i) * all + fromOut);
        int column = tap % kernel * inChannels + i;
        if (!transposed) {
          int from = dwAt + (ky * row + column) * stride;
          MemorySegment.copy(dw, from, target, JAVA_FLOAT, to, outChannels);
          continue;
        }
        int from = dwAt + ky * outChannels * stride + column;
        for (int o = 0; o < outChannels; o++) {
          target.set(JAVA_FLOAT, to + 4L * o, dw[from + o * stride]);
        }
      }
    }
  }
}
