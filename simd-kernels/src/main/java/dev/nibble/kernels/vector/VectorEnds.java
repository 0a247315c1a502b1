package dev.nibble.kernels.vector;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ConvolutionEnds;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** The passes' parts by themselves, in the same places of the scratch. */
final class VectorEnds implements ConvolutionEnds {
  private final Algorithms algorithms;

  VectorEnds(Algorithms algorithms) {
    this.algorithms = algorithms;
  }

  /** Refuses a forward pass that would reach outside its memory. */
  void checkForward(ForwardArgs args, int shard, int from, int to, float[] scratch) {
    check(args.stage(), args.batch(), from, to, scratch);
    MemorySegment statistics = args.statistics();
    if (args.stage().statistics() && statistics != null) {
      long bytes = Partials.statisticsBytes(args.stage().output().channels());
      Objects.checkFromIndexSize(shard * bytes, bytes, statistics.byteSize());
    }
  }

  /** Refuses a backward pass that would reach outside its memory. */
  void checkBackward(BackwardArgs args, int shard, int from, int to, float[] scratch) {
    check(args.stage(), args.batch(), from, to, scratch);
    long bytes = Partials.gradientBytes(args.stage());
    Objects.checkFromIndexSize(shard * bytes, bytes, args.gradients().byteSize());
  }

  private void check(Stage stage, int batch, int from, int to, float[] scratch) {
    Objects.checkFromToIndex(from, to, batch);
    checkLength(scratch, ScratchLayout.floats(stage, algorithms), "scratch holds");
  }

  static void checkLength(float[] array, int floats, String what) {
    if (array.length < floats) {
      throw new IllegalArgumentException(
          "The " + what + " " + array.length + " floats, but the stage needs " + floats);
    }
  }

  @Override
  public int activationAt(Stage stage) {
    return ScratchLayout.forwardTile(stage) + OperatorGeometry.tileOrigin(stage.operator());
  }

  @Override
  public int restoredAt(Stage stage) {
    return ScratchLayout.backwardTile(stage) + OperatorGeometry.tileOrigin(stage.operator());
  }

  @Override
  public int activationRow(Stage stage) {
    int row = stage.input().width() * stage.input().channels();
    return row + OperatorGeometry.tileExtra(stage.operator());
  }

  @Override
  public int productAt(Stage stage) {
    return ScratchLayout.output(stage);
  }

  @Override
  public int productPixel(Stage stage) {
    return OperatorGeometry.outStride(stage.operator());
  }

  @Override
  public int gradientAt(Stage stage) {
    return ScratchLayout.gradient(stage) + OperatorGeometry.dyOrigin(stage.operator());
  }

  @Override
  public int gradientRow(Stage stage) {
    int row = stage.output().width() * stage.output().channels();
    return row + OperatorGeometry.dyExtra(stage.operator());
  }

  @Override
  public int dataAt(Stage stage) {
    return ScratchLayout.data(stage);
  }

  @Override
  public int dataPixel(Stage stage) {
    return OperatorGeometry.dataStride(stage.operator());
  }

  @Override
  public void startForward(ForwardArgs args, int shard, int from, int to, float[] scratch) {
    checkForward(args, shard, from, to, scratch);
    ForwardPass.start(args, shard, scratch);
  }

  @Override
  public void loadActivation(ForwardArgs args, int picture, float[] scratch) {
    ForwardPass.load(args, picture, scratch);
  }

  @Override
  public void storeOutput(
      ForwardArgs args, int shard, int picture, boolean first, float[] scratch) {
    ForwardPass.store(args, shard, picture, first, scratch);
  }

  @Override
  public void startBackward(BackwardArgs args, int shard, int from, int to, float[] scratch) {
    checkBackward(args, shard, from, to, scratch);
    BackwardPass.start(args, shard, scratch);
  }

  @Override
  public void loadGradient(BackwardArgs args, int shard, int picture, float[] scratch) {
    BackwardPass.loadGradient(args, picture, scratch);
  }

  @Override
  public void restoreActivation(BackwardArgs args, int picture, float[] scratch) {
    BackwardPass.restore(args, picture, scratch);
  }

  @Override
  public void storeGradient(BackwardArgs args, int shard, int picture, float[] scratch) {
    BackwardPass.finish(args, shard, picture, scratch);
  }

  @Override
  public void endBackward(BackwardArgs args, int shard, float[] scratch) {
    ParameterGradients.finishBias(args, shard, scratch);
  }
}
