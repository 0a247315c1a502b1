package dev.nibble.kernels.vector.convolution;

import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.base.Lanes;

/**
 * Where a convolution's values lie in the scratch that its three products share.
 *
 * <ul>
 *   <li>tile: rows of the activation, C_in floats a pixel, with the window's padding as columns of
 *       zeros on both sides, and rows of zeros where the window leaves the picture;
 *   <li>out: rows of W_out pixels, {@link #outStride} floats each;
 *   <li>dy tile: rows of the output's gradient, C_out floats a pixel, with {@link #dyBefore}
 *       columns left and {@link #dyRight} columns right, all zeros;
 *   <li>data: rows of the input's gradient, W pixels, {@link #dataStride} floats each.
 * </ul>
 *
 * <p>Both tiles end in {@link #SLACK} floats that are read, but whose values do not matter.
 *
 * <p>In the product for the input's gradient, input row (or column) i meets the taps k with (i +
 * pad - k * dilation) mod stride = 0 only. So rows fall into phases, numbered by their first tap:
 * phase f has taps f, f + step, ..., where step is the stride without what it shares with the
 * dilation, and the rows i with (i + pad) mod stride = f * dilation mod stride. A tap further on is
 * {@link #tapStep} rows of the output's gradient further back.
 */
public final class ConvolutionGeometry {
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
  public static boolean isFlat(Convolution conv) {
    return conv.window().isPointwise() && !conv.isDepthwise();
  }

  /** Whether the taps side by side meet one run of floats, which a product takes as one. */
  static boolean isJoined(Convolution conv) {
    return conv.groups() == 1 && conv.window().dilationWidth() == 1;
  }

  /** Floats of one row of the activation's tile. */
  public static int tileRow(Convolution conv) {
    Window window = conv.window();
    long pixels = (long) conv.input().width() + window.padLeft() + window.padRight();
    return size(pixels * conv.input().channels());
  }

  /** Floats from one output pixel to the next. */
  public static int outStride(Convolution conv) {
    return Lanes.roundUp(conv.outChannels());
  }

  private static int kernel(Window window, boolean rows) {
    return rows ? window.kernelHeight() : window.kernelWidth();
  }

  private static int stride(Window window, boolean rows) {
    return rows ? window.strideHeight() : window.strideWidth();
  }

  private static int dilation(Window window, boolean rows) {
    return rows ? window.dilationHeight() : window.dilationWidth();
  }

  private static int padding(Window window, boolean rows) {
    return rows ? window.padTop() : window.padLeft();
  }

  private static int shared(Window window, boolean rows) {
    int a = stride(window, rows);
    int b = dilation(window, rows);
    while (b != 0) {
      int rest = a % b;
      a = b;
      b = rest;
    }
    return a;
  }

  /** Phases of rows (or columns) that any tap meets. */
  public static int phases(Convolution conv, boolean rows) {
    Window window = conv.window();
    return Math.min(kernel(window, rows), stride(window, rows) / shared(window, rows));
  }

  /** Taps from one of a phase to the next. */
  static int tapSkip(Convolution conv, boolean rows) {
    return stride(conv.window(), rows) / shared(conv.window(), rows);
  }

  /** Rows (or columns) of the output's gradient from one tap of a phase to the next. */
  static int tapStep(Convolution conv, boolean rows) {
    return dilation(conv.window(), rows) / shared(conv.window(), rows);
  }

  /** Taps of a phase. */
  public static int taps(Convolution conv, boolean rows, int phase) {
    return Math.max(0, Math.ceilDiv(kernel(conv.window(), rows) - phase, tapSkip(conv, rows)));
  }

  /** What (i + pad) mod stride is for the rows (or columns) i of a phase. */
  private static int remainder(Window window, boolean rows, int phase) {
    return (int) ((long) phase * dilation(window, rows) % stride(window, rows));
  }

  /** The first input row (or column) of a phase that is {@code from} or behind it. */
  static int firstInput(Convolution conv, boolean rows, int phase, int from) {
    Window window = conv.window();
    int stride = stride(window, rows);
    int origin = remainder(window, rows, phase) - padding(window, rows);
    return Math.ceilDiv(from - origin, stride) * stride + origin;
  }

  /** How many input rows (or columns) of a phase lie in [from, end). */
  public static int inputs(Convolution conv, boolean rows, int phase, int from, int end) {
    int first = firstInput(conv, rows, phase, from);
    return first >= end ? 0 : (end - 1 - first) / stride(conv.window(), rows) + 1;
  }

  /** The output row (or column) that meets an input row of the phase with the phase's last tap. */
  static int firstOutput(Convolution conv, boolean rows, int phase, int input) {
    Window window = conv.window();
    int last = phase + (taps(conv, rows, phase) - 1) * tapSkip(conv, rows);
    int way = input + padding(window, rows) - last * dilation(window, rows);
    return Math.floorDiv(way, stride(window, rows));
  }

  /** Columns of zeros left of the output's gradient. */
  public static int dyBefore(Convolution conv) {
    int before = 0;
    int width = conv.input().width();
    for (int phase = 0; phase < phases(conv, false); phase++) {
      if (inputs(conv, false, phase, 0, width) > 0) {
        int first = firstInput(conv, false, phase, 0);
        before = Math.max(before, -firstOutput(conv, false, phase, first));
      }
    }
    return before;
  }

  /** Columns of zeros right of the output's gradient. */
  public static int dyRight(Convolution conv) {
    int end = conv.outputWidth();
    int width = conv.input().width();
    for (int phase = 0; phase < phases(conv, false); phase++) {
      int inputs = inputs(conv, false, phase, 0, width);
      if (inputs > 0) {
        int first = firstOutput(conv, false, phase, firstInput(conv, false, phase, 0));
        int reach = (taps(conv, false, phase) - 1) * tapStep(conv, false);
        end = Math.max(end, first + reach + inputs);
      }
    }
    return end - conv.outputWidth();
  }

  /** Floats of one row of the gradient's tile. */
  public static int dyRow(Convolution conv) {
    long pixels = (long) dyBefore(conv) + conv.outputWidth() + dyRight(conv);
    return size(pixels * conv.outChannels());
  }

  /** Floats from one pixel of the input's gradient to the next. */
  public static int dataStride(Convolution conv) {
    return Lanes.roundUp(conv.input().channels());
  }

  /** Floats of the weights packed for the forward pass. */
  public static int packedForwardFloats(Convolution conv) {
    return size(
        GroupPanels.packedFloats(
            conv.groups(), conv.groupOutputs(), conv.groupInputs(), conv.window().taps()));
  }

  /** Floats of the weights packed for the backward pass. */
  public static int packedBackwardFloats(Convolution conv) {
    return size(
        GroupPanels.packedFloats(
            conv.groups(), conv.groupInputs(), conv.groupOutputs(), conv.window().taps()));
  }
}
