package dev.nibble.kernels.vector.activation;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import java.util.Objects;

/**
 * The two loops between an activation and its stored copy, without the operator between them: what
 * a stage's passes begin with. For looking at them alone, in a benchmark or a test.
 */
public final class StoreLoops {
  private StoreLoops() {}

  /** Floats of scratch that both need for a stage: coefficients and one picture. */
  public static int scratchFloats(Stage stage) {
    FeatureMap map = stage.input();
    return Math.addExact(activation(stage), Lanes.roundUp(map.values()) + Lanes.LANES);
  }

  /** Index in scratch at which both leave the last picture's activation, H x W x C. */
  public static int activation(Stage stage) {
    return TableRows.floats(stage.input().channels());
  }

  /**
   * Reads pictures [from, to) of the input through batch norm and ReLU and writes their copy.
   *
   * @param scratch at least {@link #scratchFloats} long
   */
  public static void pack(ForwardArgs args, int from, int to, float[] scratch) {
    Stage stage = args.stage();
    check(args, from, to, scratch);
    Activation activation = stage.activation();
    TableRows.load(activation, args.table(), stage.input().channels(), scratch, 0);
    int at = activation(stage);
    StoreFormat format = activation.store();
    for (int picture = from; picture < to; picture++) {
      ActivationLoader.load(
          activation,
          format,
          stage.input(),
          picture,
          0,
          stage.input().pixels(),
          0,
          stage.input().channels(),
          args.x(),
          args.store(),
          scratch,
          0,
          at);
    }
  }

  /**
   * Restores the activation of pictures [from, to) from their copy.
   *
   * @param scratch at least {@link #scratchFloats} long
   */
  public static void unpack(ForwardArgs args, int from, int to, float[] scratch) {
    Stage stage = args.stage();
    check(args, from, to, scratch);
    Activation activation = stage.activation();
    TableRows.load(activation, args.table(), stage.input().channels(), scratch, 0);
    int at = activation(stage);
    for (int picture = from; picture < to; picture++) {
      ActivationRestorer.restore(
          activation,
          stage.input(),
          picture,
          0,
          stage.input().pixels(),
          0,
          stage.input().channels(),
          args.x(),
          args.store(),
          scratch,
          0,
          at,
          stage.input().channels());
    }
  }

  private static void check(ForwardArgs args, int from, int to, float[] scratch) {
    Objects.checkFromToIndex(from, to, args.batch());
    int floats = scratchFloats(args.stage());
    if (scratch.length < floats) {
      throw new IllegalArgumentException(
          "The scratch holds " + scratch.length + " floats, but the loops need " + floats);
    }
    if (args.stage().activation().store() == StoreFormat.NONE) {
      throw new IllegalArgumentException("The stage stores nothing; give it a store format");
    }
  }
}
