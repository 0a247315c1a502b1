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

  /** Panels of input channels: units of packing. */
  static int panels(Convolution conv) {
    int vectors = ConvolutionGeometry.dataStride(conv) / LANES;
    int count = 0;
    for (int first = 0; first < vectors; first += block(conv, first)) {
      count++;
    }
    return count;
  }

  /** The first vector of a panel, or the end of all of them. */
  static int firstVector(Convolution conv, int panel) {
    int vectors = ConvolutionGeometry.dataStride(conv) / LANES;
    int first = 0;
    for (int i = 0; i < panel && first < vectors; i++) {
      first += block(conv, first);
    }
    return first;
  }

  private static int block(Convolution conv, int first) {
    int vectors = ConvolutionGeometry.dataStride(conv) / LANES;
    int width =
        ConvolutionGeometry.isFlat(conv)
            ? TilePlan.MANY
            : ConvolutionGeometry.steps(conv, 0, conv.input().width());
    return TilePlan.PANEL.block(vectors - first, width);
  }

  /**
   * Packs a panel of the weights: [phase y][phase x][block of V * LANES input channels][tap y][tap
   * x * C_out][V * LANES], taps reversed, zero beyond C_in.
   *
   * @param weights k x k x C_in x C_out
   * @param packed {@link ConvolutionGeometry#packedBackwardFloats} long at least
   */
  static void pack(Convolution conv, int panel, MemorySegment weights, float[] packed) {
    int phases = Math.min(conv.window().strideHeight(), conv.window().kernelHeight());
    int first = firstVector(conv, panel);
    int v = block(conv, first);
    int phase = 0;
    for (int phaseY = 0; phaseY < phases; phaseY++) {
      for (int phaseX = 0; phaseX < phases; phaseX++) {
        int taps = ConvolutionGeometry.taps(conv, phaseY) * ConvolutionGeometry.taps(conv, phaseX);
        int to = phase + first * LANES * taps * conv.outChannels();
        for (int y = ConvolutionGeometry.taps(conv, phaseY) - 1; y >= 0; y--) {
          for (int x = ConvolutionGeometry.taps(conv, phaseX) - 1; x >= 0; x--) {
            int tap =
                (phaseY + y * conv.window().strideHeight()) * conv.window().kernelHeight()
                    + phaseX
                    + x * conv.window().strideHeight();
            packTap(conv, tap, first * LANES, v * LANES, weights, packed, to);
            to += conv.outChannels() * v * LANES;
          }
        }
        phase += taps * conv.outChannels() * ConvolutionGeometry.dataStride(conv);
      }
    }
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

  /** The first row of the output's gradient that input row {@code row}, or one below it, meets. */
  static int firstGradientRow(Convolution conv, int row) {
    return Math.ceilDiv(
        row + conv.window().padTop() - conv.window().kernelHeight() + 1,
        conv.window().strideHeight());
  }

  /** The end of the rows of the output's gradient that the input rows above {@code row} meet. */
  static int endGradientRow(Convolution conv, int row) {
    return Math.floorDiv(row - 1 + conv.window().padTop(), conv.window().strideHeight()) + 1;
  }

  /**
   * Writes pixels of the input's gradient where pixels map one to one.
   *
   * @param pixels how many
   * @param dy the output's gradient from index {@code dyAt} on
   * @param data written from index {@code dataAt} on
   */
  static void flat(
      Convolution conv,
      int pixels,
      int firstVector,
      int endVector,
      float[] dy,
      int dyAt,
      float[] packed,
      float[] data,
      int dataAt) {
    int channels = conv.outChannels();
    int dataStride = ConvolutionGeometry.dataStride(conv);
    int v;
    for (int first = firstVector; first < endVector; first += v) {
      v = block(conv, first);
      Tiles.panel(
          v,
          pixels,
          1,
          channels,
          dy,
          dyAt,
          channels,
          0,
          packed,
          first * LANES * channels,
          data,
          dataAt + first * LANES,
          dataStride);
    }
  }

  /**
   * Writes input rows {@code [firstRow, endRow)} of the gradient of the activation.
   *
   * @param firstVector the first input vector, which begins a panel
   * @param endVector the end of the input vectors, which ends one
   * @param dy the output's gradient with its columns of zeros: row {@link #firstGradientRow} from
   *     index {@code dyAt} on, rows outside the gradient as zeros
   * @param packed what {@link #pack} wrote
   * @param data row firstRow is written from index {@code dataAt} on; the channels that pad a pixel
   *     become 0
   */
  static void run(
      Convolution conv,
      int firstRow,
      int endRow,
      int firstVector,
      int endVector,
      float[] dy,
      int dyAt,
      float[] packed,
      float[] data,
      int dataAt) {
    int dataRow = conv.input().width() * ConvolutionGeometry.dataStride(conv);
    if (conv.window().strideHeight() > conv.window().kernelHeight()) {
      // Phases without a tap: no output depends on those pixels.
      Arrays.fill(data, dataAt, dataAt + (endRow - firstRow) * dataRow, 0f);
    }
    int phases = Math.min(conv.window().strideHeight(), conv.window().kernelHeight());
    int panels = 0;
    for (int phaseY = 0; phaseY < phases; phaseY++) {
      for (int phaseX = 0; phaseX < phases; phaseX++) {
        runPhase(
            conv,
            phaseY,
            phaseX,
            firstRow,
            endRow,
            firstVector,
            endVector,
            dy,
            dyAt,
            packed,
            panels,
            data,
            dataAt);
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
      int firstRow,
      int endRow,
      int firstVector,
      int endVector,
      float[] dy,
      int dyAt,
      float[] packed,
      int panels,
      float[] data,
      int dataAt) {
    int stride = conv.window().strideHeight();
    int inWidth = conv.input().width();
    int channels = conv.outChannels();
    int before = ConvolutionGeometry.dyBefore(conv);
    int dyRow = ConvolutionGeometry.dyRow(conv);
    int dataStride = ConvolutionGeometry.dataStride(conv);
    int tapsY = ConvolutionGeometry.taps(conv, phaseY);
    int tapsX = ConvolutionGeometry.taps(conv, phaseX);
    // Input rows q * stride + phase - padding that lie in [firstRow, endRow).
    int firstY = Math.ceilDiv(firstRow + conv.window().padTop() - phaseY, stride);
    int endY = Math.ceilDiv(endRow + conv.window().padTop() - phaseY, stride);
    int firstX = ConvolutionGeometry.firstStep(conv, phaseX);
    int width = ConvolutionGeometry.steps(conv, phaseX, inWidth);
    int row = firstY * stride + phaseY - conv.window().padTop() - firstRow;
    int column = firstX * stride + phaseX - conv.window().padTop();
    int from =
        dyAt
            + (firstY - tapsY + 1 - firstGradientRow(conv, firstRow)) * dyRow
            + (firstX - tapsX + 1 + before) * channels;
    int to = dataAt + (row * inWidth + column) * dataStride;
    int red = tapsX * channels;
    int v;
    for (int first = firstVector; first < endVector; first += v) {
      v = block(conv, first);
      for (int y = 0; y < endY - firstY; y++) {
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
