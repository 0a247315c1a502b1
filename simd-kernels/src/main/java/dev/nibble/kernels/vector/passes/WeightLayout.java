package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.activation.TermRows;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.winograd.WinogradBackwardWeights;
import dev.nibble.kernels.vector.winograd.WinogradProduct;

/**
 * How a thread's scratch is divided in the pass for the weights' gradient, in floats; regions lie
 * in the order of the methods: table, terms' table, bias, output's gradient, tile, long row, the
 * weights' gradient, Winograd's points.
 *
 * <p>Tiles hold a block of input and of output channels ({@link WeightParts}); those of depthwise
 * convolutions, all channels.
 */
public final class WeightLayout {
  private WeightLayout() {}

  static int termTable(Stage stage) {
    return TableRows.floats(stage.input().channels());
  }

  static int bias(Stage stage) {
    return termTable(stage) + TermRows.floats(stage.output().channels());
  }

  static int gradient(Stage stage) {
    return bias(stage) + Lanes.roundUp(stage.output().channels());
  }

  /** Pixels of a run where pixels map one to one; the sums take as much of the cache. */
  static int run(int in, int out) {
    int fit = (48 << 10) / (in + out) / Bands.PIXELS * Bands.PIXELS;
    return Math.clamp(fit, 3 * Bands.PIXELS, 1024);
  }

  /** Output rows of a band. */
  static int rows(Stage stage, int in, int out) {
    return Bands.weightRows(stage.operator(), in, out);
  }

  /** Rows of a band, whole tiles for Winograd. */
  private static int most(Stage stage, int in, int out, boolean winograd) {
    Operator op = stage.operator();
    int most = Bands.most(rows(stage, in, out), op.outputHeight());
    return winograd ? WinogradProduct.tiles(most) * WinogradProduct.TILE : most;
  }

  /** Floats of a row of the output's gradient. */
  static int gradientRow(Stage stage, int out, boolean winograd) {
    int width = stage.operator().outputWidth();
    return out * (winograd ? WinogradProduct.tiles(width) * WinogradProduct.TILE : width);
  }

  /** Floats of a row of the activation's tile. */
  static int tileRow(Stage stage, int in, boolean winograd) {
    Operator op = stage.operator();
    int pixels = op.input().width() + Bands.padWidth(op);
    if (winograd) {
      pixels = WinogradProduct.tiles(op.outputWidth()) * WinogradProduct.TILE + 2;
    }
    return in * pixels;
  }

  /** Rows of the tile that so many output rows need. */
  static int window(Operator op, int rows) {
    return (rows - 1) * Bands.stride(op) + Bands.reach(op);
  }

  private static long tileAt(Stage stage, int in, int out, boolean winograd) {
    long floats =
        ScratchLayout.isFlat(stage)
            ? (long) run(in, out) * out
            : (long) most(stage, in, out, winograd) * gradientRow(stage, out, winograd);
    return gradient(stage) + floats + Lanes.LANES;
  }

  static int tile(Stage stage, int in, int out, boolean winograd) {
    return (int) tileAt(stage, in, out, winograd);
  }

  private static long longRowAt(Stage stage, int in, int out, boolean winograd) {
    long floats =
        ScratchLayout.isFlat(stage)
            ? (long) run(in, out) * in
            : (long) window(stage.operator(), most(stage, in, out, winograd))
                * tileRow(stage, in, winograd);
    return tileAt(stage, in, out, winograd) + floats + Lanes.LANES;
  }

  static int longRow(Stage stage, int in, int out, boolean winograd) {
    return (int) longRowAt(stage, in, out, winograd);
  }

  private static long sumsAt(Stage stage, int in, int out, boolean winograd) {
    long floats = 0;
    if (!ScratchLayout.isFlat(stage)) {
      int rows = most(stage, in, out, winograd);
      FeatureMap map = stage.input();
      floats =
          Math.max(
              Rows.longRow(window(stage.operator(), rows), map.width(), in),
              Rows.longRow(rows, stage.operator().outputWidth(), out));
    }
    return longRowAt(stage, in, out, winograd) + floats;
  }

  static int sums(Stage stage, int in, int out, boolean winograd) {
    return (int) sumsAt(stage, in, out, winograd);
  }

  private static long workAt(Stage stage, int in, int out, boolean winograd) {
    long floats =
        switch (stage.operator()) {
          case Convolution c ->
              winograd
                  ? (long) WinogradProduct.POINTS * in * out
                  : FusedLayout.directFloats(c, in, out);
          case Operator.Multiply m -> Lanes.roundUp(m.input().channels());
          default -> 0;
        };
    return sumsAt(stage, in, out, winograd) + floats;
  }

  static int work(Stage stage, int in, int out, boolean winograd) {
    return (int) workAt(stage, in, out, winograd);
  }

  /** Tiles that Winograd's work has room for. */
  static int capacity(Stage stage) {
    return Math.max(
        WinogradBackwardWeights.BLOCK, WinogradProduct.tiles(stage.operator().outputWidth()));
  }

  /** Floats of all regions. */
  public static long end(Stage stage, int in, int out, boolean winograd) {
    long floats = winograd ? WinogradBackwardWeights.workFloats(capacity(stage), in, out) : 0;
    return workAt(stage, in, out, winograd) + floats;
  }

  /** Floats that the weights' pass of a stage takes with that many parts. */
  public static long end(Stage stage, Algorithms algorithms, int parts) {
    if (stage.operator() instanceof GroupNorm) {
      return GroupNormBackward.end(stage);
    }
    if (stage.operator() instanceof Convolution c) {
      int in = WeightParts.inBlock(c, algorithms, parts);
      int out = WeightParts.outBlock(c, algorithms, parts);
      return end(stage, in, out, algorithms.backwardWeights(c, in, out, true));
    }
    return end(stage, stage.input().channels(), stage.output().channels(), false);
  }

  /** Floats that the weights' pass takes with any number of parts that a {@link Cut} has. */
  static long most(Stage stage, Algorithms algorithms) {
    long most = 0;
    for (int parts = 1; parts <= Cut.LEAVES; parts++) {
      most = Math.max(most, end(stage, algorithms, parts));
    }
    return most;
  }
}
