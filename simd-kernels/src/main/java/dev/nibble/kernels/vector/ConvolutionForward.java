package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * The forward product: out = tile * weights.
 *
 * <p>In a tile with its borders the k * C_in values that one row of the kernel meets are
 * contiguous, so each output pixel is k dot products of that length, whatever C_in is.
 */
final class ConvolutionForward {
  private ConvolutionForward() {}

  /**
   * Packs the weights into panels [block of V * LANES output channels][ky][kx * C_in][V * LANES],
   * zero beyond C_out.
   *
   * @param weights k x k x C_in x C_out
   * @param packed {@link ConvolutionGeometry#packedForwardFloats} long at least
   */
  static void pack(Convolution conv, MemorySegment weights, float[] packed) {
    int channels = conv.outChannels();
    int rows = conv.weights() / channels;
    int vectors = ConvolutionGeometry.outStride(conv) / LANES;
    int width = width(conv);
    int v;
    for (int first = 0; first < vectors; first += v) {
      v = TilePlan.PANEL.block(vectors - first, width);
      for (int i = 0; i < v; i++) {
        int column = (first + i) * LANES;
        int at = first * LANES * rows + i * LANES;
        packColumn(weights, 4L * column, rows, channels, channels - column, packed, at, v * LANES);
      }
    }
  }

  static void packColumn(
      MemorySegment weights,
      long from,
      int rows,
      int channels,
      int valid,
      float[] packed,
      int at,
      int step) {
    if (valid >= LANES) {
      for (int r = 0; r < rows; r++) {
        FloatVector.fromMemorySegment(
                FLOATS, weights, from + 4L * channels * r, ByteOrder.nativeOrder())
            .intoArray(packed, at + r * step);
      }
    } else {
      var mask = FLOATS.indexInRange(0, valid);
      for (int r = 0; r < rows; r++) {
        FloatVector.fromMemorySegment(
                FLOATS, weights, from + 4L * channels * r, ByteOrder.nativeOrder(), mask)
            .intoArray(packed, at + r * step);
      }
    }
  }

  private static int width(Convolution conv) {
    return ConvolutionGeometry.isFlat(conv)
        ? conv.outputHeight() * conv.outputWidth()
        : conv.outputWidth();
  }

  /**
   * Writes one picture's output, without bias.
   *
   * @param tile the activation from index {@code tileAt} on
   * @param packed what {@link #pack} wrote
   * @param out written from index {@code outAt} on; the channels that pad a pixel become 0
   */
  static void run(
      Convolution conv, float[] tile, int tileAt, float[] packed, float[] out, int outAt) {
    int kernel = conv.kernel();
    int stride = conv.stride();
    int channels = conv.input().channels();
    int tileRow = ConvolutionGeometry.tileRow(conv);
    int outStride = ConvolutionGeometry.outStride(conv);
    int width = width(conv);
    int height = conv.outputHeight() * conv.outputWidth() / width;
    int red = kernel * channels;
    int vectors = outStride / LANES;
    int v;
    for (int first = 0; first < vectors; first += v) {
      v = TilePlan.PANEL.block(vectors - first, width);
      for (int y = 0; y < height; y++) {
        Tiles.panel(
            v,
            width,
            kernel,
            red,
            tile,
            tileAt + y * stride * tileRow,
            stride * channels,
            tileRow,
            packed,
            first * LANES * kernel * red,
            out,
            outAt + y * width * outStride + first * LANES,
            outStride);
      }
    }
  }
}
