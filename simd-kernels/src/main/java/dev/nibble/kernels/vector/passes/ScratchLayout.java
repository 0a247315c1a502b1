package dev.nibble.kernels.vector.passes;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.vector.activation.ActivationLoader;
import dev.nibble.kernels.vector.activation.OutputWriter;
import dev.nibble.kernels.vector.activation.TableRows;
import dev.nibble.kernels.vector.activation.TermRows;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.convolution.ConvolutionGeometry;
import dev.nibble.kernels.vector.normalization.MomentRows;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import org.jspecify.annotations.Nullable;

/**
 * How a thread's scratch is divided in the forward pass and in the pass for the input's gradient,
 * in floats; regions lie in the order of the methods.
 *
 * <p>Forward: table, shortcut's table, {@link OutputWriter}'s rows, tile, output, shortcut, long
 * row, Winograd's points. Backward: table, terms' table, sums, output's gradient, input's gradient,
 * long row, Winograd's points.
 */
public final class ScratchLayout {
  private ScratchLayout() {}

  /** Whether pixels map one to one, so that a band is a run of pixels. */
  public static boolean isFlat(Stage stage) {
    Operator op = stage.operator();
    return op instanceof GroupNorm
        || (op instanceof Convolution c && ConvolutionGeometry.isFlat(c));
  }

  /** Whether a shortcut is added as it lies in memory, without a tile of its own. */
  static boolean isPlain(Stage.@Nullable Residual residual) {
    if (residual == null) {
      return true;
    }
    return residual.transform().isIdentity()
        && !residual.activation().normalize()
        && residual.activation().isLinear();
  }

  private static int channels(Stage.@Nullable Residual residual) {
    return residual == null || isPlain(residual) ? 0 : residual.transform().input().channels();
  }

  /** Floats of a picture of the shortcut's input, if it has a tile; else 0. */
  static long shortcutFloats(Stage stage) {
    Stage.Residual residual = stage.residual();
    return residual == null || isPlain(residual) ? 0 : residual.transform().input().values();
  }

  static int shortcutTable(Stage stage) {
    return TableRows.floats(stage.input().channels());
  }

  static int outputRows(Stage stage) {
    return shortcutTable(stage) + TableRows.floats(channels(stage.residual()));
  }

  static int tile(Stage stage) {
    return outputRows(stage) + OutputWriter.floats(stage.output().channels());
  }

  private static long outputAt(Stage stage) {
    long floats =
        isFlat(stage)
            ? (long) Bands.forwardRun(stage) * stage.input().channels()
            : (long) Bands.forwardTileRows(stage) * Bands.tileRow(stage.operator());
    return tile(stage) + floats + Lanes.LANES;
  }

  static int output(Stage stage) {
    return (int) outputAt(stage);
  }

  /** Output pixels of a band at most. */
  private static long bandPixels(Stage stage) {
    Operator op = stage.operator();
    if (isFlat(stage)) {
      return Bands.forwardRun(stage);
    }
    int rows = Bands.most(Bands.forwardRows(stage), op.outputHeight());
    return (long) rows * op.outputWidth();
  }

  private static long shortcutAt(Stage stage) {
    return outputAt(stage) + bandPixels(stage) * Lanes.roundUp(stage.output().channels());
  }

  static int shortcut(Stage stage) {
    return (int) shortcutAt(stage);
  }

  private static long forwardRowAt(Stage stage) {
    Stage.Residual residual = stage.residual();
    if (residual == null || isPlain(residual)) {
      return shortcutAt(stage);
    }
    int step = residual.transform().stride();
    FeatureMap in = residual.transform().input();
    long pixels = bandPixels(stage);
    if (step > 1) {
      int rows = (int) Math.ceilDiv(pixels, residual.transform().outputWidth());
      pixels = (long) rows * step * in.width();
    }
    return shortcutAt(stage) + pixels * in.channels() + Lanes.LANES;
  }

  static int forwardRow(Stage stage) {
    return (int) forwardRowAt(stage);
  }

  private static long forwardWorkAt(Stage stage) {
    FeatureMap in = stage.input();
    // Only a convolution's rows lie apart.
    boolean apart = stage.operator() instanceof Convolution && !isFlat(stage);
    long floats =
        apart
            ? Rows.longRow(
                Bands.forwardTileRows(stage),
                in.width(),
                in.channels(),
                stage.activation().store().pixelsPerGroup())
            : 0;
    return forwardRowAt(stage) + floats;
  }

  public static int forwardWork(Stage stage) {
    return (int) forwardWorkAt(stage);
  }

  private static long forwardEnd(Stage stage, Algorithms algorithms) {
    long floats = 0;
    if (stage.operator() instanceof Convolution c && algorithms.forward(stage)) {
      int rows = Bands.most(Bands.forwardRows(stage), c.outputHeight());
      floats =
          WinogradProduct.workFloats(rows, c.outputWidth(), c.input().channels(), c.outChannels());
      if (algorithms.gathers(stage)) {
        int pictures = gathered(c);
        floats =
            Math.max(
                floats,
                WinogradProduct.gatheredFloats(
                    pictures,
                    c.outputHeight(),
                    c.outputWidth(),
                    c.input().channels(),
                    c.outChannels()));
      }
    }
    if (stage.operator() instanceof GroupNorm) {
      floats = MomentRows.floats(stage.input().channels());
    }
    return forwardWorkAt(stage) + floats;
  }

  /** Pictures that the forward product gathers, where it does. */
  static int gathered(Convolution c) {
    return Algorithms.pictures(c, c.input().channels(), c.outChannels());
  }

  public static int termTable(Stage stage) {
    return TableRows.floats(stage.input().channels());
  }

  public static int sums(Stage stage) {
    return termTable(stage) + TermRows.floats(stage.output().channels());
  }

  public static int gradient(Stage stage) {
    return sums(stage) + 3 * Lanes.roundUp(stage.input().channels());
  }

  private static long dataAt(Stage stage) {
    long floats =
        isFlat(stage)
            ? (long) Bands.dataRun(stage) * stage.output().channels()
            : (long) Bands.gradientTileRows(stage) * Bands.gradientRow(stage.operator());
    return gradient(stage) + floats + Lanes.LANES;
  }

  static int data(Stage stage) {
    return (int) dataAt(stage);
  }

  private static long dataRowAt(Stage stage) {
    FeatureMap in = stage.input();
    long pixels =
        isFlat(stage)
            ? Bands.dataRun(stage)
            : (long) Bands.most(Bands.dataRows(stage), in.height()) * in.width();
    return dataAt(stage) + pixels * Lanes.roundUp(in.channels());
  }

  static int dataRow(Stage stage) {
    return (int) dataRowAt(stage);
  }

  private static long dataWorkAt(Stage stage) {
    FeatureMap out = stage.output();
    // A part may be some rows of a picture even where a band could be all of them.
    long floats =
        isFlat(stage)
            ? 0
            : Rows.longRow(Bands.gradientTileRows(stage), out.width(), out.channels());
    return dataRowAt(stage) + floats;
  }

  static int dataWork(Stage stage) {
    return (int) dataWorkAt(stage);
  }

  private static long dataEnd(Stage stage, Algorithms algorithms) {
    if (stage.operator() instanceof GroupNorm) {
      return GroupNormBackward.end(stage);
    }
    long floats = 0;
    if (stage.operator() instanceof Convolution c && algorithms.backwardData(stage)) {
      int rows = Bands.most(Bands.dataRows(stage), c.input().height());
      floats =
          WinogradProduct.workFloats(
              rows, c.input().width(), c.outChannels(), c.input().channels());
      if (algorithms.gathers(stage)) {
        int pictures = gatheredData(c);
        floats =
            Math.max(
                floats,
                WinogradProduct.gatheredFloats(
                    pictures,
                    c.input().height(),
                    c.input().width(),
                    c.outChannels(),
                    c.input().channels()));
      }
    }
    return dataWorkAt(stage) + floats;
  }

  /** As {@link #gathered}, for the input's gradient. */
  static int gatheredData(Convolution c) {
    return Algorithms.pictures(c, c.outChannels(), c.input().channels());
  }

  /** Pixels that the sum of a gradient's terms is made of at a time. */
  static int sumPixels(Stage stage) {
    return ActivationLoader.run(stage.output());
  }

  /** Floats that the forward pass takes. */
  public static int forwardFloats(Stage stage, Algorithms algorithms) {
    return checked(forwardEnd(stage, algorithms));
  }

  /** Floats that the pass for the input's gradient takes. */
  public static int dataFloats(Stage stage, Algorithms algorithms) {
    return checked(dataEnd(stage, algorithms));
  }

  /** Floats that the sum of a gradient's terms takes. */
  public static int sumFloats(Stage stage) {
    return checked(
        gradient(stage) + (long) sumPixels(stage) * stage.output().channels() + Lanes.LANES);
  }

  /** Floats that all passes over bands fit in. */
  public static int floats(Stage stage, Algorithms algorithms) {
    long floats = Math.max(forwardEnd(stage, algorithms), dataEnd(stage, algorithms));
    floats = Math.max(floats, sumFloats(stage));
    if (stage.needsInputValues() && !(stage.operator() instanceof GroupNorm)) {
      floats = Math.max(floats, WeightLayout.most(stage, algorithms));
    }
    return checked(floats);
  }

  public static int checked(long floats) {
    if (floats > Integer.MAX_VALUE - 64) {
      throw new IllegalArgumentException(
          "A stage's scratch of " + floats + " floats exceeds an array; use smaller pictures");
    }
    return (int) floats;
  }
}
