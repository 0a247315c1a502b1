package dev.nibble.kernels.vector.convolution;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.tiles.TilePlan;
import dev.nibble.kernels.vector.tiles.Tiles;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The forward product: out = tile * weights.
 *
 * <p>In a tile with its borders the values that one row of the kernel meets are contiguous, so each
 * output pixel is as many dot products as the kernel has rows, whatever C_in is; with dilation or
 * groups, as it has taps.
 */
public final class ConvolutionForward {
  private ConvolutionForward() {}

  /** Panels of output channels: units of packing. */
  public static int panels(Convolution conv) {
    int vectors = ConvolutionGeometry.outStride(conv) / LANES;
    int count = 0;
    for (int first = 0; first < vectors; first += block(conv, first)) {
      count++;
    }
    return count;
  }

  /** The first vector of a panel, or the end of all of them. */
  public static int firstVector(Convolution conv, int panel) {
    int vectors = ConvolutionGeometry.outStride(conv) / LANES;
    int first = 0;
    for (int i = 0; i < panel && first < vectors; i++) {
      first += block(conv, first);
    }
    return first;
  }

  private static int group(Convolution conv, int first) {
    return GroupPanels.index(conv.groups(), conv.groupOutputs(), first);
  }

  /** Vectors of the panel that begins with that vector. */
  private static int block(Convolution conv, int first) {
    int end = GroupPanels.end(conv.groups(), conv.groupOutputs(), group(conv, first));
    return TilePlan.PANEL.block(end - first, width(conv));
  }

  /** Input channels that a panel's outputs see. */
  private static int red(Convolution conv, int first) {
    return GroupPanels.red(
        conv.groups(), conv.groupOutputs(), conv.groupInputs(), group(conv, first));
  }

  private static int packedAt(Convolution conv, int first) {
    return GroupPanels.packedAt(
        conv.groups(), conv.groupOutputs(), conv.groupInputs(), conv.window().taps(), first);
  }

  /**
   * Packs a panel of the weights: [block of V * LANES output channels][ky][kx][input channels that
   * they see][V * LANES], zero beyond C_out and outside the groups.
   *
   * @param weights taps x (C_in / groups) x C_out
   * @param packed {@link ConvolutionGeometry#packedForwardFloats} long at least
   */
  public static void pack(Convolution conv, int panel, MemorySegment weights, float[] packed) {
    int channels = conv.outChannels();
    int rows = conv.weights() / channels;
    int first = firstVector(conv, panel);
    int v = block(conv, first);
    if (conv.groups() > 1) {
      packGroups(conv, first, v * LANES, weights, packed);
      return;
    }
    for (int i = 0; i < v; i++) {
      int column = (first + i) * LANES;
      int at = first * LANES * rows + i * LANES;
      packColumn(weights, 4L * column, rows, channels, channels - column, packed, at, v * LANES);
    }
  }

  private static void packGroups(
      Convolution conv, int first, int panel, MemorySegment weights, float[] packed) {
    int lane = conv.groupOutputs();
    int inputs = conv.groupInputs();
    int red = red(conv, first);
    int group = GroupPanels.firstRed(conv.groups(), lane, inputs, group(conv, first)) / inputs;
    int taps = conv.window().taps();
    int base = packedAt(conv, first);
    Arrays.fill(packed, base, base + taps * red * panel, 0f);
    int column = first * LANES;
    for (int tap = 0; tap < taps; tap++) {
      for (int r = 0; r < red; r++) {
        int from = Math.max(column, (group + r / inputs) * lane);
        int end = Math.min(column + panel, (group + r / inputs + 1) * lane);
        if (from < end) {
          long at = ((long) tap * inputs + r % inputs) * conv.outChannels() + from;
          int to = base + (tap * red + r) * panel + from - column;
          MemorySegment.copy(weights, JAVA_FLOAT, 4 * at, packed, to, end - from);
        }
      }
    }
  }

  /**
   * Copies a vector of each of {@code rows} rows of weights.
   *
   * @param from the first row's byte
   * @param channels floats from one row to the next
   * @param valid channels from there to the end of a row; what is beyond becomes 0
   * @param step floats from one copy to the next
   */
  public static void packColumn(
      MemorySegment weights,
      long from,
      int rows,
      int channels,
      int valid,
      float[] packed,
      int at,
      int step) {
    if (valid >= LANES) {
      packWhole(weights, from, rows, channels, packed, at, step);
    } else {
      packPart(weights, from, rows, channels, valid, packed, at, step);
    }
  }

  /** A method of its own, which stays compiled when a narrow layer first takes the other one. */
  private static void packWhole(
      MemorySegment weights, long from, int rows, int channels, float[] packed, int at, int step) {
    for (int r = 0; r < rows; r++) {
      FloatVector.fromMemorySegment(
              FLOATS, weights, from + 4L * channels * r, ByteOrder.nativeOrder())
          .intoArray(packed, at + r * step);
    }
  }

  private static void packPart(
      MemorySegment weights,
      long from,
      int rows,
      int channels,
      int valid,
      float[] packed,
      int at,
      int step) {
    var mask = FLOATS.indexInRange(0, valid);
    for (int r = 0; r < rows; r++) {
      FloatVector.fromMemorySegment(
              FLOATS, weights, from + 4L * channels * r, ByteOrder.nativeOrder(), mask)
          .intoArray(packed, at + r * step);
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
  public static void run(
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
    Window window = conv.window();
    int channels = conv.input().channels();
    int tileRow = ConvolutionGeometry.tileRow(conv);
    int outStride = ConvolutionGeometry.outStride(conv);
    boolean joined = ConvolutionGeometry.isJoined(conv);
    int cols = joined ? 1 : window.kernelWidth();
    int v;
    for (int first = firstVector; first < endVector; first += v) {
      v = block(conv, first);
      int from =
          tileAt
              + GroupPanels.firstRed(
                  conv.groups(), conv.groupOutputs(), conv.groupInputs(), group(conv, first));
      int red = joined ? window.kernelWidth() * channels : red(conv, first);
      int weights = packedAt(conv, first);
      for (int y = 0; y < rows; y++) {
        Tiles.panel(
            v,
            width,
            window.kernelHeight(),
            cols,
            red,
            tile,
            from + y * window.strideHeight() * tileRow,
            window.strideWidth() * channels,
            window.dilationHeight() * tileRow,
            window.dilationWidth() * channels,
            packed,
            weights,
            out,
            outAt + y * width * outStride + first * LANES,
            outStride);
      }
    }
  }
}
