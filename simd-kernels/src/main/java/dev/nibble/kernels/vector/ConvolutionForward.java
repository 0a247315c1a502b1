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

  /** Panels of output channels: units of packing. */
  static int panels(Convolution conv) {
    int vectors = ConvolutionGeometry.outStride(conv) / LANES;
    int count = 0;
    for (int first = 0; first < vectors; first += block(conv, first)) {
      count++;
    }
    return count;
  }

  /** The first vector of a panel, or the end of all of them. */
  static int firstVector(Convolution conv, int panel) {
    int vectors = ConvolutionGeometry.outStride(conv) / LANES;
    int first = 0;
    for (int i = 0; i < panel && first < vectors; i++) {
      first += block(conv, first);
    }
    return first;
  }

  /** Vectors of the panel that begins with that vector. */
  private static int block(Convolution conv, int first) {
    int vectors = ConvolutionGeometry.outStride(conv) / LANES;
    return TilePlan.PANEL.block(vectors - first, width(conv));
  }

  /**
   * Packs a panel of the weights: [block of V * LANES output channels][ky][kx * C_in][V * LANES],
   * zero beyond C_out.
   *
   * @param weights k x k x C_in x C_out
   * @param packed {@link ConvolutionGeometry#packedForwardFloats} long at least
   */
  static void pack(Convolution conv, int panel, MemorySegment weights, float[] packed) {
    int channels = conv.outChannels();
    int rows = conv.weights() / channels;
    int first = firstVector(conv, panel);
    int v = block(conv, first);
    for (int i = 0; i < v; i++) {
      int column = (first + i) * LANES;
      int at = first * LANES * rows + i * LANES;
      packColumn(weights, 4L * column, rows, channels, channels - column, packed, at, v * LANES);
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

  /** Pixels that a product's rows have, as the panels are planned for. */
  private static int width(Convolution conv) {
    return ConvolutionGeometry.isFlat(conv) ? TilePlan.MANY : conv.outputWidth();
  }

  /**
   * Writes rows of the output, without bias.
   *
   * @param rows output rows
   * @param width pixels of a row
   * @param firstVector the first output vector, which begins a panel
   * @param endVector the end of the output vectors, which ends one
   * @param tile the activation from index {@code tileAt} on, the first window's first pixel
   * @param packed what {@link #pack} wrote
   * @param out written from index {@code outAt} on; the channels that pad a pixel become 0
   */
  static void run(
      Convolution conv,
      int rows,
      int width,
      int firstVector,
      int endVector,
      float[] tile,
      int tileAt,
      float[] packed,
      float[] out,
      int outAt) {
    int kernel = conv.window().kernelHeight();
    int stride = conv.window().strideHeight();
    int channels = conv.input().channels();
    int tileRow = ConvolutionGeometry.tileRow(conv);
    int outStride = ConvolutionGeometry.outStride(conv);
    int red = kernel * channels;
    int v;
    for (int first = firstVector; first < endVector; first += v) {
      v = block(conv, first);
      for (int y = 0; y < rows; y++) {
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
