package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The backward product for the input: dx = dy tile * transposed weights.
 *
 * <p>Input row i meets the kernel's rows ky with (i + p - ky) mod stride = 0 only. So the input's
 * rows and columns fall into stride phases (i + p) mod stride, and within a phase the product is a
 * forward product of stride 1 over dy with the phase's taps in reverse order: no zero is ever
 * multiplied but the border's.
 */
final class ConvolutionBackwardData {
  private ConvolutionBackwardData() {}

  /**
   * Packs the weights into panels [phase y][phase x][block of V * LANES input channels][tap y][tap
   * x * C_out][V * LANES], taps reversed, zero beyond C_in.
   *
   * @param weights k x k x C_in x C_out
   * @param packed {@link ConvolutionGeometry#packedBackwardFloats} long at least
   */
  static void pack(Convolution conv, MemorySegment weights, float[] packed) {
    int phases = Math.min(conv.stride(), conv.kernel());
    int at = 0;
    for (int phaseY = 0; phaseY < phases; phaseY++) {
      for (int phaseX = 0; phaseX < phases; phaseX++) {
        at = packPhase(conv, phaseY, phaseX, weights, packed, at);
      }
    }
  }

  private static int packPhase(
      Convolution conv, int phaseY, int phaseX, MemorySegment weights, float[] packed, int at) {
    int vectors = ConvolutionGeometry.dataStride(conv) / LANES;
    int width = width(conv, phaseX);
    int kernel = conv.kernel();
    int stride = conv.stride();
    int to = at;
    int v;
    for (int first = 0; first < vectors; first += v) {
      v = TilePlan.PANEL.block(vectors - first, width);
      for (int y = ConvolutionGeometry.taps(conv, phaseY) - 1; y >= 0; y--) {
        for (int x = ConvolutionGeometry.taps(conv, phaseX) - 1; x >= 0; x--) {
          int tap = (phaseY + y * stride) * kernel + phaseX + x * stride;
          packTap(conv, tap, first * LANES, v * LANES, weights, packed, to);
          to += conv.outChannels() * v * LANES;
        }
      }
    }
    return to;
  }

  /** Transposes [C_in][C_out] into [C_out][panel]; runs along C_out lie together in the source. */
  static void packTap(
      Convolution conv,
      int tap,
      int first,
      int panel,
      MemorySegment weights,
      float[] packed,
      int at) {
    int inChannels = conv.input().channels();
    int outChannels = conv.outChannels();
    int valid = Math.min(panel, inChannels - first);
    for (int i = 0; i < valid; i++) {
      long from = 4L * ((long) tap * inChannels + first + i) * outChannels;
      for (int o = 0; o < outChannels; o++) {
        packed[at + o * panel + i] = weights.get(JAVA_FLOAT, from + 4L * o);
      }
    }
    if (valid < panel) {
      for (int o = 0; o < outChannels; o++) {
        Arrays.fill(packed, at + o * panel + valid, at + (o + 1) * panel, 0f);
      }
    }
  }

  private static int width(Convolution conv, int phase) {
    return ConvolutionGeometry.isFlat(conv)
        ? conv.input().pixels()
        : ConvolutionGeometry.steps(conv, phase, conv.input().width());
  }

  /**
   * Writes one picture's gradient of the activation.
   *
   * @param dy the output's gradient from index {@code dyAt} on
   * @param packed what {@link #pack} wrote
   * @param data written from index {@code dataAt} on; the channels that pad a pixel become 0
   */
  static void run(
      Convolution conv, float[] dy, int dyAt, float[] packed, float[] data, int dataAt) {
    if (conv.stride() > conv.kernel()) {
      // Phases without a tap: no output depends on those pixels.
      Arrays.fill(data, dataAt, dataAt + ConvolutionGeometry.dataGradientFloats(conv), 0f);
    }
    int phases = Math.min(conv.stride(), conv.kernel());
    int panels = 0;
    for (int phaseY = 0; phaseY < phases; phaseY++) {
      for (int phaseX = 0; phaseX < phases; phaseX++) {
        runPhase(conv, phaseY, phaseX, dy, dyAt, packed, panels, data, dataAt);
        panels +=
            ConvolutionGeometry.taps(conv, phaseY)
                * ConvolutionGeometry.taps(conv, phaseX)
                * conv.outChannels()
                * ConvolutionGeometry.dataStride(conv);
      }
    }
  }

  private static void runPhase(
      Convolution conv,
      int phaseY,
      int phaseX,
      float[] dy,
      int dyAt,
      float[] packed,
      int panels,
      float[] data,
      int dataAt) {
    int stride = conv.stride();
    int inWidth = conv.input().width();
    int channels = conv.outChannels();
    int before = ConvolutionGeometry.dyBefore(conv);
    int dyRow = ConvolutionGeometry.dyRow(conv);
    int dataStride = ConvolutionGeometry.dataStride(conv);
    int tapsY = ConvolutionGeometry.taps(conv, phaseY);
    int tapsX = ConvolutionGeometry.taps(conv, phaseX);
    int firstY = ConvolutionGeometry.firstStep(conv, phaseY);
    int firstX = ConvolutionGeometry.firstStep(conv, phaseX);
    int width = width(conv, phaseX);
    int height =
        ConvolutionGeometry.isFlat(conv)
            ? 1
            : ConvolutionGeometry.steps(conv, phaseY, conv.input().height());
    int row = firstY * stride + phaseY - conv.padding();
    int column = firstX * stride + phaseX - conv.padding();
    int from =
        dyAt + (firstY - tapsY + 1 + before) * dyRow + (firstX - tapsX + 1 + before) * channels;
    int to = dataAt + (row * inWidth + column) * dataStride;
    int red = tapsX * channels;
    int vectors = dataStride / LANES;
    int v;
    for (int first = 0; first < vectors; first += v) {
      v = TilePlan.PANEL.block(vectors - first, width);
      for (int y = 0; y < height; y++) {
        Tiles.panel(
            v,
            width,
            tapsY,
            red,
            dy,
            from + y * dyRow,
            channels,
            dyRow,
            packed,
            panels + first * LANES * tapsY * red,
            data,
            to + y * stride * inWidth * dataStride + first * LANES,
            stride * dataStride);
      }
    }
  }
}
