package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The backward product for the weights: dw += tile^T * dy tile, summed over a picture's pixels.
 *
 * <p>For a row ky of the kernel, weight (kx, c) meets the tile at kx * C_in + c from each pixel's
 * window, so kx and c are one index i of k * C_in contiguous floats. Either the vectors run over
 * the output channels and i is broadcast, or, where the output has too few channels to fill several
 * vectors, they run over i and the output channels are broadcast (transposed).
 */
final class ConvolutionBackwardWeights {
  private ConvolutionBackwardWeights() {}

  /** Whether dw is accumulated as [ky][C_out][k * C_in] instead of [ky][k * C_in][C_out]. */
  static boolean isTransposed(Convolution conv) {
    int row = conv.kernel() * conv.input().channels();
    int rowVectors = (row + LANES - 1) / LANES;
    int outVectors = (conv.outChannels() + LANES - 1) / LANES;
    // The transposed sums cost more to write out, so a near tie is not worth it.
    return TilePlan.PIXEL.cost(rowVectors, conv.outChannels())
        < 0.93f * TilePlan.PIXEL.cost(outVectors, row);
  }

  /** Zeroes the accumulator, {@link ConvolutionGeometry#weightGradientFloats} from dwAt on. */
  static void clear(Convolution conv, float[] dw, int dwAt) {
    Arrays.fill(dw, dwAt, dwAt + ConvolutionGeometry.weightGradientFloats(conv), 0f);
  }

  /**
   * Adds one picture's gradient.
   *
   * @param tile the activation from index {@code tileAt} on
   * @param dy the output's gradient from index {@code dyAt} on
   * @param dw accumulator from index {@code dwAt} on
   */
  static void accumulate(
      Convolution conv, float[] tile, int tileAt, float[] dy, int dyAt, float[] dw, int dwAt) {
    boolean flat = ConvolutionGeometry.isFlat(conv);
    int height = flat ? 1 : conv.outputHeight();
    int width = flat ? conv.outputHeight() * conv.outputWidth() : conv.outputWidth();
    int kernel = conv.kernel();
    int outChannels = conv.outChannels();
    int row = kernel * conv.input().channels();
    int tileStep = conv.stride() * conv.input().channels();
    int tileRow = ConvolutionGeometry.tileRow(conv);
    int dyRow = ConvolutionGeometry.dyRow(conv);
    int dyFrom = dyAt + ConvolutionGeometry.dyOrigin(conv);
    boolean transposed = isTransposed(conv);
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
            height,
            width,
            transposed ? dy : tile,
            transposed ? dyFrom : from,
            transposed ? dyRow : conv.stride() * tileRow,
            transposed ? outChannels : tileStep,
            transposed ? tile : dy,
            (transposed ? from : dyFrom) + first * LANES,
            transposed ? conv.stride() * tileRow : dyRow,
            transposed ? tileStep : outChannels,
            dw,
            to + first * LANES,
            stride);
      }
    }
  }

  /**
   * Writes the accumulated gradient as k x k x C_in x C_out floats.
   *
   * @param target written from byte {@code offset} on
   */
  static void flush(Convolution conv, float[] dw, int dwAt, MemorySegment target, long offset) {
    int kernel = conv.kernel();
    int channels = conv.outChannels();
    int row = kernel * conv.input().channels();
    if (isTransposed(conv)) {
      int stride = Lanes.roundUp(row);
      for (int ky = 0; ky < kernel; ky++) {
        int from = dwAt + ky * channels * stride;
        long to = offset + 4L * ky * row * channels;
        for (int i = 0; i < row; i++) {
          for (int o = 0; o < channels; o++) {
            target.set(JAVA_FLOAT, to + 4L * (i * channels + o), dw[from + o * stride + i]);
          }
        }
      }
    } else {
      int stride = Lanes.roundUp(channels);
      for (int i = 0; i < kernel * row; i++) {
        long to = offset + 4L * i * channels;
        MemorySegment.copy(dw, dwAt + i * stride, target, JAVA_FLOAT, to, channels);
      }
    }
  }
}
