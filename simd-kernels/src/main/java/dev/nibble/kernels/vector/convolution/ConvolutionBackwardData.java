package dev.nibble.kernels.vector.convolution;

import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.tiles.TilePlan;
import dev.nibble.kernels.vector.tiles.Tiles;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The backward product for the input: dx = dy tile * transposed weights.
 *
 * <p>The input's rows and columns fall into the phases of {@link ConvolutionGeometry}, and within a
 * phase the product is a forward product of stride 1 over dy with the phase's taps in reverse
 * order: no zero is ever multiplied but the border's.
 */
public final class ConvolutionBackwardData {
  private ConvolutionBackwardData() {}

  /** Panels of input channels: units of packing. */
  public static int panels(Convolution conv) {
    int vectors = ConvolutionGeometry.dataStride(conv) / LANES;
    int count = 0;
    for (int first = 0; first < vectors; first += block(conv, first)) {
      count++;
    }
    return count;
  }

  /** The first vector of a panel, or the end of all of them. */
  public static int firstVector(Convolution conv, int panel) {
    int vectors = ConvolutionGeometry.dataStride(conv) / LANES;
    int first = 0;
    for (int i = 0; i < panel && first < vectors; i++) {
      first += block(conv, first);
    }
    return first;
  }

  private static int group(Convolution conv, int first) {
    return GroupPanels.index(conv.groups(), conv.groupInputs(), first);
  }

  private static int block(Convolution conv, int first) {
    int end = GroupPanels.end(conv.groups(), conv.groupInputs(), group(conv, first));
    int width =
        ConvolutionGeometry.isFlat(conv)
            ? TilePlan.MANY
            : ConvolutionGeometry.inputs(conv, false, 0, 0, conv.input().width());
    return TilePlan.PANEL.block(end - first, width);
  }

  /** Output channels that see a panel's inputs. */
  private static int red(Convolution conv, int first) {
    return GroupPanels.red(
        conv.groups(), conv.groupInputs(), conv.groupOutputs(), group(conv, first));
  }

  /** The first of them. */
  private static int firstRed(Convolution conv, int first) {
    return GroupPanels.firstRed(
        conv.groups(), conv.groupInputs(), conv.groupOutputs(), group(conv, first));
  }

  private static int packedAt(Convolution conv, int taps, int first) {
    return GroupPanels.packedAt(
        conv.groups(), conv.groupInputs(), conv.groupOutputs(), taps, first);
  }

  /** Floats of the packed weights of a phase of so many taps. */
  private static int phaseFloats(Convolution conv, int taps) {
    return (int)
        GroupPanels.packedFloats(conv.groups(), conv.groupInputs(), conv.groupOutputs(), taps);
  }

  /**
   * Packs a panel of the weights: [phase y][phase x][block of V * LANES input channels][tap y][tap
   * x][output channels that see them][V * LANES], taps reversed, zero beyond C_in and outside the
   * groups.
   *
   * @param weights taps x (C_in / groups) x C_out
   * @param packed {@link ConvolutionGeometry#packedBackwardFloats} long at least
   */
  public static void pack(Convolution conv, int panel, MemorySegment weights, float[] packed) {
    int first = firstVector(conv, panel);
    int v = block(conv, first);
    int red = red(conv, first);
    int skipY = ConvolutionGeometry.tapSkip(conv, true);
    int skipX = ConvolutionGeometry.tapSkip(conv, false);
    int base = 0;
    for (int phaseY = 0; phaseY < ConvolutionGeometry.phases(conv, true); phaseY++) {
      for (int phaseX = 0; phaseX < ConvolutionGeometry.phases(conv, false); phaseX++) {
        int tapsY = ConvolutionGeometry.taps(conv, true, phaseY);
        int tapsX = ConvolutionGeometry.taps(conv, false, phaseX);
        int to = base + packedAt(conv, tapsY * tapsX, first);
        for (int y = tapsY - 1; y >= 0; y--) {
          for (int x = tapsX - 1; x >= 0; x--) {
            int tap = (phaseY + y * skipY) * conv.window().kernelWidth() + phaseX + x * skipX;
            packTap(conv, tap, first * LANES, v * LANES, weights, packed, to);
            to += red * v * LANES;
          }
        }
        base += phaseFloats(conv, tapsY * tapsX);
      }
    }
  }

  /** Transposes [C_in][C_out] into [C_out][panel]; runs along C_out lie together in the source. */
  public static void packTap(
      Convolution conv,
      int tap,
      int first,
      int panel,
      MemorySegment weights,
      float[] packed,
      int at) {
    int inputs = conv.groupInputs();
    int outputs = conv.groupOutputs();
    int red = red(conv, first / LANES);
    int firstRed = firstRed(conv, first / LANES);
    int valid = Math.min(panel, conv.input().channels() - first);
    if (conv.groups() > 1) {
      Arrays.fill(packed, at, at + red * panel, 0f);
    }
    for (int i = 0; i < valid; i++) {
      int group = (first + i) / inputs;
      int in = (first + i) % inputs;
      int to = at + (group * outputs - firstRed) * panel + i;
      long from = 4L * (((long) tap * inputs + in) * conv.outChannels() + (long) group * outputs);
      for (int o = 0; o < outputs; o++) {
        packed[to + o * panel] = weights.get(JAVA_FLOAT, from + 4L * o);
      }
    }
    if (valid < panel) {
      for (int o = 0; o < red; o++) {
        Arrays.fill(packed, at + o * panel + valid, at + (o + 1) * panel, 0f);
      }
    }
  }

  /** The first row of the output's gradient that input row {@code row}, or one below it, meets. */
  public static int firstGradientRow(Convolution conv, int row) {
    Window window = conv.window();
    return Math.ceilDiv(row + window.padTop() - window.reachHeight() + 1, window.strideHeight());
  }

  /** The end of the rows of the output's gradient that the input rows above {@code row} meet. */
  public static int endGradientRow(Convolution conv, int row) {
    Window window = conv.window();
    return Math.floorDiv(row - 1 + window.padTop(), window.strideHeight()) + 1;
  }

  /**
   * Writes pixels of the input's gradient where pixels map one to one.
   *
   * @param pixels how many
   * @param dy the output's gradient from index {@code dyAt} on
   * @param data written from index {@code dataAt} on
   */
  public static void flat(
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
          1,
          red(conv, first),
          dy,
          dyAt + firstRed(conv, first),
          channels,
          0,
          0,
          packed,
          packedAt(conv, 1, first),
          data,
          dataAt + first * LANES,
          dataStride);
    }
  }

  /** Zeroes input rows of which some pixels meet no tap, so that no product writes them. */
  static void clear(Convolution conv, int rows, float[] data, int dataAt) {
    Window window = conv.window();
    if (ConvolutionGeometry.phases(conv, true) < window.strideHeight()
        || ConvolutionGeometry.phases(conv, false) < window.strideWidth()) {
      int dataRow = conv.input().width() * ConvolutionGeometry.dataStride(conv);
      Arrays.fill(data, dataAt, dataAt + rows * dataRow, 0f);
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
  public static void run(
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
    clear(conv, endRow - firstRow, data, dataAt);
    int panels = 0;
    for (int phaseY = 0; phaseY < ConvolutionGeometry.phases(conv, true); phaseY++) {
      for (int phaseX = 0; phaseX < ConvolutionGeometry.phases(conv, false); phaseX++) {
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
            phaseFloats(
                conv,
                ConvolutionGeometry.taps(conv, true, phaseY)
                    * ConvolutionGeometry.taps(conv, false, phaseX));
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
    Window window = conv.window();
    int inWidth = conv.input().width();
    int channels = conv.outChannels();
    int dyRow = ConvolutionGeometry.dyRow(conv);
    int dataStride = ConvolutionGeometry.dataStride(conv);
    int tapsY = ConvolutionGeometry.taps(conv, true, phaseY);
    int tapsX = ConvolutionGeometry.taps(conv, false, phaseX);
    int stepX = ConvolutionGeometry.tapStep(conv, false);
    int width = ConvolutionGeometry.inputs(conv, false, phaseX, 0, inWidth);
    int rows = ConvolutionGeometry.inputs(conv, true, phaseY, firstRow, endRow);
    if (width == 0 || rows == 0) {
      return;
    }
    int row = ConvolutionGeometry.firstInput(conv, true, phaseY, firstRow);
    int column = ConvolutionGeometry.firstInput(conv, false, phaseX, 0);
    int outRow = ConvolutionGeometry.firstOutput(conv, true, phaseY, row);
    int outColumn = ConvolutionGeometry.firstOutput(conv, false, phaseX, column);
    int from =
        dyAt
            + (outRow - firstGradientRow(conv, firstRow)) * dyRow
            + (outColumn + ConvolutionGeometry.dyBefore(conv)) * channels;
    int to = dataAt + ((row - firstRow) * inWidth + column) * dataStride;
    boolean joined = conv.groups() == 1 && (stepX == 1 || tapsX == 1);
    int v;
    for (int first = firstVector; first < endVector; first += v) {
      v = block(conv, first);
      for (int y = 0; y < rows; y++) {
        Tiles.panel(
            v,
            width,
            tapsY,
            joined ? 1 : tapsX,
            joined ? tapsX * channels : red(conv, first),
            dy,
            from + firstRed(conv, first) + y * dyRow,
            channels,
            ConvolutionGeometry.tapStep(conv, true) * dyRow,
            stepX * channels,
            packed,
            panels + packedAt(conv, tapsY * tapsX, first),
            data,
            to + y * window.strideHeight() * inWidth * dataStride + first * LANES,
            window.strideWidth() * dataStride);
      }
    }
  }
}
