package dev.nibble.kernels.vector.convolution;

import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.base.Segments;
import dev.nibble.kernels.vector.tiles.DepthwiseTiles;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The depthwise convolution's three products, over the tiles of {@link ConvolutionGeometry}.
 * Channels are the lanes; {@link DepthwiseTiles} has the loops.
 *
 * <p>Activation and output gradient have C floats a pixel and a vector of slack behind the last;
 * weights, output and input gradient have whole vectors. So the last vector of a pixel may read
 * values of the next one, which only ever reach the padding.
 */
public final class Depthwise {
  private Depthwise() {}

  /** Floats of the weights: taps x whole vectors. */
  public static int weightFloats(Convolution op) {
    return gradientFloats(op, op.input().channels());
  }

  /** Floats of the weights' gradient for so many channels. */
  public static int gradientFloats(Convolution op, int channels) {
    return op.window().taps() * Lanes.roundUp(channels);
  }

  /** Pads the weights' channels to whole vectors. */
  public static void pack(Convolution op, MemorySegment weights, float[] packed) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    Arrays.fill(packed, 0, weightFloats(op), 0f);
    Segments.copyIn(weights, 0, channels, packed, 0, channels, stride, op.window().taps());
  }

  /**
   * y[oy,ox,c] = sum of a[iy,ix,c] * w[ky,kx,c].
   *
   * @param rows output rows
   * @param tile index of the first window's first pixel
   * @param out index of the first output row
   */
  public static void forward(
      Convolution op,
      int rows,
      int firstVector,
      int endVector,
      float[] packed,
      float[] scratch,
      int tile,
      int out) {
    Window window = op.window();
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    int tileRow = ConvolutionGeometry.tileRow(op);
    int width = op.outputWidth();
    // A band's rows of one vector of channels stay in the nearest cache; those of all do not.
    for (int c = firstVector * LANES; c < endVector * LANES; c += LANES) {
      for (int y = 0; y < rows; y++) {
        DepthwiseTiles.row(
            width,
            window.kernelHeight(),
            window.kernelWidth(),
            scratch,
            tile + y * window.strideHeight() * tileRow + c,
            window.strideWidth() * channels,
            window.dilationHeight() * tileRow,
            window.dilationWidth() * channels,
            packed,
            c,
            window.kernelWidth() * stride,
            stride,
            scratch,
            out + y * width * stride + c,
            stride);
      }
    }
  }

  /**
   * da[iy,ix,c] = sum of dy[oy,ox,c] * w[ky,kx,c], for input rows {@code [first, end)}.
   *
   * @param dy index of row {@link ConvolutionBackwardData#firstGradientRow} with its zeros
   * @param data index of row {@code first}
   */
  public static void backwardData(
      Convolution op,
      int first,
      int end,
      int firstVector,
      int endVector,
      float[] packed,
      float[] scratch,
      int dy,
      int data) {
    ConvolutionBackwardData.clear(op, end - first, scratch, data);
    for (int phaseY = 0; phaseY < ConvolutionGeometry.phases(op, true); phaseY++) {
      for (int phaseX = 0; phaseX < ConvolutionGeometry.phases(op, false); phaseX++) {
        phase(op, phaseY, phaseX, first, end, firstVector, endVector, packed, scratch, dy, data);
      }
    }
  }

  private static void phase(
      Convolution op,
      int phaseY,
      int phaseX,
      int first,
      int end,
      int firstVector,
      int endVector,
      float[] packed,
      float[] scratch,
      int dy,
      int data) {
    Window window = op.window();
    int inWidth = op.input().width();
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    int width = ConvolutionGeometry.inputs(op, false, phaseX, 0, inWidth);
    int rows = ConvolutionGeometry.inputs(op, true, phaseY, first, end);
    if (width == 0 || rows == 0) {
      return;
    }
    int tapsY = ConvolutionGeometry.taps(op, true, phaseY);
    int tapsX = ConvolutionGeometry.taps(op, false, phaseX);
    int skipY = ConvolutionGeometry.tapSkip(op, true) * window.kernelWidth() * stride;
    int skipX = ConvolutionGeometry.tapSkip(op, false) * stride;
    int row = ConvolutionGeometry.firstInput(op, true, phaseY, first);
    int column = ConvolutionGeometry.firstInput(op, false, phaseX, 0);
    int outRow = ConvolutionGeometry.firstOutput(op, true, phaseY, row);
    int outColumn = ConvolutionGeometry.firstOutput(op, false, phaseX, column);
    int dyRow = ConvolutionGeometry.dyRow(op);
    int from =
        dy
            + (outRow - ConvolutionBackwardData.firstGradientRow(op, first)) * dyRow
            + (outColumn + ConvolutionGeometry.dyBefore(op)) * channels;
    int to = data + ((row - first) * inWidth + column) * stride;
    // The last taps come first.
    int weights =
        (phaseY * window.kernelWidth() + phaseX) * stride
            + (tapsY - 1) * skipY
            + (tapsX - 1) * skipX;
    // A band's rows of one vector of channels stay in the nearest cache; those of all do not.
    for (int c = firstVector * LANES; c < endVector * LANES; c += LANES) {
      for (int y = 0; y < rows; y++) {
        DepthwiseTiles.row(
            width,
            tapsY,
            tapsX,
            scratch,
            from + y * dyRow + c,
            channels,
            ConvolutionGeometry.tapStep(op, true) * dyRow,
            ConvolutionGeometry.tapStep(op, false) * channels,
            packed,
            weights + c,
            -skipY,
            -skipX,
            scratch,
            to + y * window.strideHeight() * inWidth * stride + c,
            window.strideWidth() * stride);
      }
    }
  }

  /**
   * dw[ky,kx,c] += sum of a[iy,ix,c] * dy[oy,ox,c] for a block of channels.
   *
   * @param rows output rows
   * @param channels of the block, and floats of a pixel of both tiles
   * @param tile index of the first window's first pixel
   * @param dw taps x whole vectors
   */
  public static void backwardWeights(
      Convolution op,
      int rows,
      int channels,
      float[] scratch,
      int tile,
      int tileRow,
      int dy,
      int dyRow,
      int dw) {
    Window window = op.window();
    int stride = Lanes.roundUp(channels);
    int width = op.outputWidth();
    int aRow = window.strideHeight() * tileRow;
    int aX = window.strideWidth() * channels;
    int tapY = window.dilationHeight() * tileRow;
    int tapX = window.dilationWidth() * channels;
    int height = window.kernelHeight();
    int dwRow = window.kernelWidth() * stride;
    boolean threes = height % 3 == 0 && window.kernelWidth() % 3 == 0;
    // Columns of taps that are summed side by side; the others, one below the other.
    int joined = DepthwiseTiles.joined(window.kernelWidth());
    for (int c = 0; c < channels; c += LANES) {
      for (int ky = 0; threes && ky < height; ky += 3) {
        for (int kx = 0; kx < window.kernelWidth(); kx += 3) {
          int from = tile + ky * tapY + kx * tapX + c;
          int to = dw + ky * dwRow + kx * stride + c;
          DepthwiseTiles.sums9(
              rows, width, scratch, from, aRow, aX, tapY, tapX, dy + c, dyRow, channels, to, dwRow,
              stride);
        }
      }
      for (int ky = 0; !threes && ky < height; ky++) {
        int from = tile + ky * tapY + c;
        int to = dw + ky * dwRow + c;
        DepthwiseTiles.strip(
            joined, rows, width, scratch, from, aRow, aX, tapX, dy + c, dyRow, channels, to,
            stride);
      }
      for (int kx = joined; !threes && kx < window.kernelWidth(); kx++) {
        int from = tile + kx * tapX + c;
        int to = dw + kx * stride + c;
        DepthwiseTiles.strip(
            height, rows, width, scratch, from, aRow, aX, tapY, dy + c, dyRow, channels, to, dwRow);
      }
    }
  }

  /**
   * Writes the accumulated gradient of channels {@code [fromChannel, toChannel)} to taps x C
   * floats, from a byte offset on.
   */
  public static void flush(
      Convolution op,
      int fromChannel,
      int toChannel,
      float[] scratch,
      int dw,
      MemorySegment target,
      long offset) {
    int length = toChannel - fromChannel;
    long to = offset + 4L * fromChannel;
    int taps = op.window().taps();
    Segments.copyOut(
        scratch, dw, Lanes.roundUp(length), target, to, length, op.input().channels(), taps);
  }
}
