package dev.nibble.kernels.vector.convolution;

import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.tiles.TilePlan;
import dev.nibble.kernels.vector.tiles.Tiles;
import java.lang.foreign.MemorySegment;

/**
 * The backward product for the weights: dw += tile^T * dy tile, summed over pixels.
 *
 * <p>For a row ky of the kernel, weight (kx, c) meets the tile at kx * C_in + c from each pixel's
 * window, so kx and c are one index i of k * C_in contiguous floats: a plane of the sums is a row
 * of the kernel. With dilation or groups it is one tap. Either the vectors run over the output
 * channels and i is broadcast, or, where the output has too few channels to fill several vectors,
 * they run over i and the output channels are broadcast (transposed).
 *
 * <p>Groups are taken together until they fill vectors ({@link #unit}); what lies beside the blocks
 * of their diagonal is summed, too, and never read.
 */
public final class ConvolutionBackwardWeights {
  /** Channels that a unit is a multiple of, for vectors of any width. */
  private static final int ALIGNED = 16;

  private ConvolutionBackwardWeights() {}

  /** Groups that are taken together; 1 without groups. */
  public static int unit(Convolution conv) {
    int unit = 1;
    while (unit < conv.groups()
        && (unit * conv.groupInputs() % ALIGNED != 0
            || unit * conv.groupOutputs() % ALIGNED != 0)) {
      unit *= 2;
    }
    return Math.min(unit, conv.groups());
  }

  /** Taps of the kernel that are one plane of the sums. */
  private static int rowTaps(Convolution conv) {
    return ConvolutionGeometry.isJoined(conv) ? conv.window().kernelWidth() : 1;
  }

  /** Whether dw is accumulated as [plane][C_out][row] instead of [plane][row][C_out]. */
  static boolean isTransposed(int rowTaps, int inChannels, int outChannels) {
    int row = rowTaps * inChannels;
    int rowVectors = (row + LANES - 1) / LANES;
    int outVectors = (outChannels + LANES - 1) / LANES;
    // The transposed sums cost more to write out, so a near tie is not worth it.
    return TilePlan.PIXEL.cost(rowVectors, outChannels)
        < 0.93f * TilePlan.PIXEL.cost(outVectors, row);
  }

  private static long planeFloats(int rowTaps, int inChannels, int outChannels) {
    long row = (long) rowTaps * inChannels;
    return isTransposed(rowTaps, inChannels, outChannels)
        ? outChannels * ((row + LANES - 1) / LANES * LANES)
        : row * Lanes.roundUp(outChannels);
  }

  /** Units that so many input channels are. */
  private static int units(Convolution conv, int inChannels) {
    return conv.groups() == 1 ? 1 : Math.ceilDiv(inChannels, unit(conv) * conv.groupInputs());
  }

  /** Floats of a unit's sums. */
  private static long unitFloats(Convolution conv, int inChannels, int outChannels) {
    int in = conv.groups() == 1 ? inChannels : unit(conv) * conv.groupInputs();
    int out = conv.groups() == 1 ? outChannels : unit(conv) * conv.groupOutputs();
    int planes = conv.window().taps() / rowTaps(conv);
    return planes * planeFloats(rowTaps(conv), in, out);
  }

  /** Floats of the accumulator for a part of the channels; with groups, whole units of them. */
  public static long floats(Convolution conv, int inChannels, int outChannels) {
    return units(conv, inChannels) * unitFloats(conv, inChannels, outChannels);
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
  public static void accumulate(
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
    int units = units(conv, inChannels);
    int floats = (int) unitFloats(conv, inChannels, outChannels);
    int in = units == 1 ? inChannels : unit(conv) * conv.groupInputs();
    int out = units == 1 ? outChannels : unit(conv) * conv.groupOutputs();
    for (int i = 0; i < units; i++) {
      unit(
          conv,
          rows,
          width,
          Math.min(in, inChannels - i * in),
          Math.min(out, outChannels - i * out),
          tile,
          tileAt + i * in,
          tileRow,
          inChannels,
          dy,
          dyAt + i * out,
          dyRow,
          outChannels,
          dw,
          dwAt + i * floats);
    }
  }

  private static void unit(
      Convolution conv,
      int rows,
      int width,
      int in,
      int out,
      float[] tile,
      int tileAt,
      int tileRow,
      int tilePixel,
      float[] dy,
      int dyAt,
      int dyRow,
      int dyPixel,
      float[] dw,
      int dwAt) {
    Window window = conv.window();
    int rowTaps = rowTaps(conv);
    int cols = window.kernelWidth() / rowTaps;
    int row = rowTaps * in;
    int tileStep = window.strideWidth() * tilePixel;
    boolean transposed = isTransposed(rowTaps, in, out);
    int count = transposed ? out : row;
    int stride = Lanes.roundUp(transposed ? row : out);
    int vectors = stride / LANES;
    int v;
    for (int plane = 0; plane < window.kernelHeight() * cols; plane++) {
      int from =
          tileAt
              + plane / cols * window.dilationHeight() * tileRow
              + plane % cols * window.dilationWidth() * tilePixel;
      int to = dwAt + plane * count * stride;
      for (int first = 0; first < vectors; first += v) {
        v = TilePlan.PIXEL.block(vectors - first, count);
        Tiles.pixel(
            v,
            count,
            rows,
            width,
            transposed ? dy : tile,
            transposed ? dyAt : from,
            transposed ? dyRow : window.strideHeight() * tileRow,
            transposed ? dyPixel : tileStep,
            transposed ? tile : dy,
            (transposed ? from : dyAt) + first * LANES,
            transposed ? window.strideHeight() * tileRow : dyRow,
            transposed ? tileStep : dyPixel,
            dw,
            to + first * LANES,
            stride);
      }
    }
  }

  /**
   * Writes an accumulated part, input channels from {@code fromIn} and output channels from {@code
   * fromOut} on, into taps x (C_in / groups) x C_out floats.
   *
   * @param target written from byte {@code offset} on
   */
  public static void flush(
      Convolution conv,
      int fromIn,
      int inChannels,
      int fromOut,
      int outChannels,
      float[] dw,
      int dwAt,
      MemorySegment target,
      long offset) {
    if (conv.groups() == 1) {
      flush(
          conv,
          inChannels,
          outChannels,
          0,
          inChannels,
          0,
          outChannels,
          dw,
          dwAt,
          target,
          fromIn,
          fromOut,
          offset);
      return;
    }
    int inputs = conv.groupInputs();
    int outputs = conv.groupOutputs();
    int unit = unit(conv);
    int floats = (int) unitFloats(conv, inChannels, outChannels);
    int groups = inChannels / inputs;
    for (int g = 0; g < groups; g++) {
      int within = g % unit;
      int of = Math.min(unit, groups - (g - within));
      int at = dwAt + g / unit * floats;
      flush(
          conv,
          of * inputs,
          of * outputs,
          within * inputs,
          inputs,
          within * outputs,
          outputs,
          dw,
          at,
          target,
          0,
          fromOut + g * outputs,
          offset);
    }
  }

  /**
   * Writes a block of sums that were made of {@code in} and {@code out} channels.
   *
   * @param firstIn the block's first input channel in the sums, of {@code countIn}
   * @param firstOut the block's first output channel in the sums, of {@code countOut}
   * @param toIn the block's first input channel in the target
   * @param toOut the block's first output channel in the target
   */
  private static void flush(
      Convolution conv,
      int in,
      int out,
      int firstIn,
      int countIn,
      int firstOut,
      int countOut,
      float[] dw,
      int dwAt,
      MemorySegment target,
      int toIn,
      int toOut,
      long offset) {
    int rowTaps = rowTaps(conv);
    int row = rowTaps * in;
    boolean transposed = isTransposed(rowTaps, in, out);
    int stride = Lanes.roundUp(transposed ? row : out);
    for (int tap = 0; tap < conv.window().taps(); tap++) {
      int plane = tap / rowTaps;
      for (int i = 0; i < countIn; i++) {
        long weight = ((long) tap * conv.groupInputs() + toIn + i) * conv.outChannels() + toOut;
        long to = offset + 4L * weight;
        int column = tap % rowTaps * in + firstIn + i;
        if (!transposed) {
          int from = dwAt + (plane * row + column) * stride + firstOut;
          MemorySegment.copy(dw, from, target, JAVA_FLOAT, to, countOut);
          continue;
        }
        int from = dwAt + (plane * out + firstOut) * stride + column;
        for (int o = 0; o < countOut; o++) {
          target.set(JAVA_FLOAT, to + 4L * o, dw[from + o * stride]);
        }
      }
    }
  }
}
