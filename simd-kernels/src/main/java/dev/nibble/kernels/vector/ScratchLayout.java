package dev.nibble.kernels.vector;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Stage;
import org.jspecify.annotations.Nullable;

/**
 * How a thread's scratch is divided, in floats; regions lie in the order of the methods.
 *
 * <p>Forward: table, shortcut's table, {@link OutputWriter}'s rows, tile, output, shortcut, long
 * row, Winograd's points. Backward: table, terms' table, sums, bias, output's gradient, tile,
 * input's gradient, long row, weights' gradient, Winograd's points of the data, of the weights.
 */
final class ScratchLayout {
  private ScratchLayout() {}

  /** Whether a shortcut is added as it lies in memory, without a picture of its own. */
  static boolean isPlain(Stage.@Nullable Residual residual) {
    if (residual == null) {
      return true;
    }
    Activation activation = residual.activation();
    return residual.transform().isIdentity() && !activation.normalize() && !activation.relu();
  }

  private static int channels(Stage.@Nullable Residual residual) {
    return residual == null || isPlain(residual) ? 0 : residual.transform().input().channels();
  }

  static int shortcutTable(Stage stage) {
    return TableRows.floats(stage.input().channels());
  }

  static int outputRows(Stage stage) {
    return shortcutTable(stage) + TableRows.floats(channels(stage.residual()));
  }

  static int forwardTile(Stage stage) {
    return outputRows(stage) + OutputWriter.floats(stage.output().channels());
  }

  static int output(Stage stage) {
    return (int) outputEnd(stage, false);
  }

  private static long outputEnd(Stage stage, boolean end) {
    Operator op = stage.operator();
    long at = forwardTile(stage) + OperatorGeometry.tileFloats(op);
    return end ? at + OperatorGeometry.outFloats(op) : at;
  }

  static int shortcut(Stage stage) {
    return (int) outputEnd(stage, true);
  }

  static int forwardRow(Stage stage) {
    return (int) forwardRowAt(stage);
  }

  private static long forwardRowAt(Stage stage) {
    Stage.Residual residual = stage.residual();
    int shortcut =
        residual == null || isPlain(residual) ? 0 : residual.transform().input().values();
    return outputEnd(stage, true) + shortcut;
  }

  static int termTable(Stage stage) {
    return TableRows.floats(stage.input().channels());
  }

  static int sums(Stage stage) {
    return termTable(stage) + TableRows.floats(stage.output().channels());
  }

  static int bias(Stage stage) {
    return sums(stage) + 2 * Lanes.roundUp(stage.input().channels());
  }

  static int gradient(Stage stage) {
    return (int) gradientAt(stage);
  }

  private static long gradientAt(Stage stage) {
    return (long) bias(stage) + Lanes.roundUp(stage.output().channels());
  }

  static int backwardTile(Stage stage) {
    return (int) backwardTileAt(stage);
  }

  private static long backwardTileAt(Stage stage) {
    return gradientAt(stage) + OperatorGeometry.dyFloats(stage.operator());
  }

  static int data(Stage stage) {
    return (int) dataAt(stage);
  }

  private static long dataAt(Stage stage) {
    long tile = stage.needsInputValues() ? OperatorGeometry.tileFloats(stage.operator()) : 0;
    return backwardTileAt(stage) + tile;
  }

  static int backwardRow(Stage stage) {
    return (int) backwardRowAt(stage);
  }

  private static long backwardRowAt(Stage stage) {
    return dataAt(stage) + OperatorGeometry.dataFloats(stage.operator());
  }

  /** A picture in one long row, where groups of four pixels would cross rows of a tile. */
  private static int longRow(FeatureMap map, int extra) {
    return OperatorGeometry.splitsGroups(map, extra, 4) ? map.values() : 0;
  }

  private static long forwardWorkAt(Stage stage) {
    return forwardRowAt(stage)
        + longRow(stage.input(), OperatorGeometry.tileExtra(stage.operator()));
  }

  static int forwardWork(Stage stage) {
    return (int) forwardWorkAt(stage);
  }

  private static long weightGradientAt(Stage stage) {
    Operator op = stage.operator();
    int in = longRow(stage.input(), OperatorGeometry.tileExtra(op));
    int out = longRow(stage.output(), OperatorGeometry.dyExtra(op));
    return backwardRowAt(stage) + Math.max(in, out);
  }

  static int weightGradient(Stage stage) {
    return (int) weightGradientAt(stage);
  }

  private static long dataWorkAt(Stage stage, Algorithms algorithms) {
    Operator op = stage.operator();
    return weightGradientAt(stage) + OperatorGeometry.weightGradientFloats(op, algorithms);
  }

  static int dataWork(Stage stage, Algorithms algorithms) {
    return (int) dataWorkAt(stage, algorithms);
  }

  private static long weightWorkAt(Stage stage, Algorithms algorithms) {
    return dataWorkAt(stage, algorithms)
        + OperatorGeometry.dataWorkFloats(stage.operator(), algorithms);
  }

  static int weightWork(Stage stage, Algorithms algorithms) {
    return (int) weightWorkAt(stage, algorithms);
  }

  /** Floats that both passes fit in. */
  static int floats(Stage stage, Algorithms algorithms) {
    Operator op = stage.operator();
    long floats =
        Math.max(
            forwardWorkAt(stage) + OperatorGeometry.forwardWorkFloats(stage, algorithms),
            weightWorkAt(stage, algorithms) + OperatorGeometry.weightWorkFloats(op, algorithms));
    if (floats > Integer.MAX_VALUE - 64) {
      throw new IllegalArgumentException(
          "A stage's scratch of " + floats + " floats exceeds an array; use smaller pictures");
    }
    return (int) floats;
  }
}
