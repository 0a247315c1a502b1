package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.LANES;

import dev.nibble.kernels.Operator.Convolution;

/**
 * Where a convolution's values lie in the scratch that its three products share.
 *
 * <ul>
 *   <li>tile: rows of the activation, W + 2p pixels of C_in floats each, with p = k/2 columns of
 *       zeros on both sides, and rows of zeros where the window leaves the picture;
 *   <li>out: rows of W_out pixels, {@link #outStride} floats each;
 *   <li>dy tile: rows of the output's gradient, C_out floats a pixel, with {@link #dyBefore}
 *       columns left and {@link #dyRight} columns right, all zeros;
 *   <li>data: rows of the input's gradient, W pixels, {@link #dataStride} floats each.
 * </ul>
 *
 * <p>Both tiles end in {@link #SLACK} floats that are read, but whose values do not matter.
 */
final class ConvolutionGeometry {
  /** Floats that may be read behind a tile's last pixel; the tiles' sizes count them. */
  static final int SLACK = LANES;

  private ConvolutionGeometry() {}

  private static int size(long floats) {
    if (floats > Integer.MAX_VALUE - 64) {
      throw new IllegalArgumentException(
          "A convolution's scratch of " + floats + " floats exceeds an array; use smaller shapes");
    }
    return (int) floats;
  }

  /** Whether pixels map one to one, so that a picture is one long row. */
  static boolean isFlat(Convolution conv) {
    return conv.window().kernelHeight() == 1 && conv.window().strideHeight() == 1;
  }

  /** Floats of one row of the activation's tile. */
  static int tileRow(Convolution conv) {
    return size((conv.input().width() + 2L * conv.window().padTop()) * conv.input().channels());
  }

  /** Floats from one output pixel to the next. */
  static int outStride(Convolution conv) {
    return Lanes.roundUp(conv.outChannels());
  }

  /**
   * Taps of the kernel that meet the input rows (or columns) i with (i + p) mod stride = phase:
   * those at phase, phase + stride, ...
   */
  static int taps(Convolution conv, int phase) {
    return Math.max(
        0,
        (conv.window().kernelHeight() - phase + conv.window().strideHeight() - 1)
            / conv.window().strideHeight());
  }

  /** The smallest q for which q * stride + phase - p is an input row (or column). */
  static int firstStep(Convolution conv, int phase) {
    return Math.max(0, conv.window().padTop() - phase + conv.window().strideHeight() - 1)
        / conv.window().strideHeight();
  }

  /** How many input rows (or columns), of {@code size}, belong to a phase. */
  static int steps(Convolution conv, int phase, int size) {
    int first =
        firstStep(conv, phase) * conv.window().strideHeight() + phase - conv.window().padTop();
    return first >= size ? 0 : (size - 1 - first) / conv.window().strideHeight() + 1;
  }

  /** Columns of zeros left of the output's gradient. */
  static int dyBefore(Convolution conv) {
    int before = 0;
    for (int phase = 0;
        phase < Math.min(conv.window().strideHeight(), conv.window().kernelHeight());
        phase++) {
      before = Math.max(before, taps(conv, phase) - 1 - firstStep(conv, phase));
    }
    return before;
  }

  private static int dyAfter(Convolution conv, int size, int outSize) {
    int after = 0;
    for (int phase = 0;
        phase < Math.min(conv.window().strideHeight(), conv.window().kernelHeight());
        phase++) {
      after = Math.max(after, firstStep(conv, phase) + steps(conv, phase, size) - outSize);
    }
    return after;
  }

  /** Columns of zeros right of the output's gradient. */
  static int dyRight(Convolution conv) {
    return dyAfter(conv, conv.input().width(), conv.outputWidth());
  }

  /** Floats of one row of the gradient's tile. */
  static int dyRow(Convolution conv) {
    long pixels = (long) dyBefore(conv) + conv.outputWidth() + dyRight(conv);
    return size(pixels * conv.outChannels());
  }

  /** Floats from one pixel of the input's gradient to the next. */
  static int dataStride(Convolution conv) {
    return Lanes.roundUp(conv.input().channels());
  }

  /** Floats of the weights packed for the forward pass. */
  static int packedForwardFloats(Convolution conv) {
    long taps = (long) conv.window().kernelHeight() * conv.window().kernelHeight();
    return size(taps * conv.input().channels() * outStride(conv));
  }

  /** Floats of the weights packed for the backward pass. */
  static int packedBackwardFloats(Convolution conv) {
    long taps = (long) conv.window().kernelHeight() * conv.window().kernelHeight();
    return size(taps * conv.outChannels() * dataStride(conv));
  }
}
