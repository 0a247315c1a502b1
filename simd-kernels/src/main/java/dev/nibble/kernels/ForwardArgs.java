package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of one stage's forward pass, checked when they are bound, so that a step only names
 * leaves.
 *
 * @param stage what is computed
 * @param batch pictures that the buffers hold
 * @param x input tensor, fp32 N,H,W,C
 * @param table channel table of x ({@link ChannelTable}); null where the activation needs none
 * @param store where the activation's copy goes; null for {@link StoreFormat#NONE} and KEPT
 * @param weights the operator's weights (and behind them nothing else); null without weights
 * @param bias the operator's bias; null without one
 * @param residual the shortcut's input; null without one
 * @param saved {@link Operator#savedBytes} a picture, where the stage is trained; else null
 * @param y output tensor, fp32, in the stage's {@link Stage#layout}; may be the residual's own
 *     buffer where the transform is the identity and the layout dense
 * @param statistics partial sums, one region of {@link Partials#statisticsBytes} a leaf; null
 *     without statistics
 * @param factor the operator's second tensor, fp32, of {@link Operator#factor}; null without one
 * @param draws the step's key for a dropout ({@link Draw}); null without one
 */
public record ForwardArgs(
    Stage stage,
    int batch,
    MemorySegment x,
    @Nullable MemorySegment table,
    @Nullable MemorySegment store,
    @Nullable MemorySegment weights,
    @Nullable MemorySegment bias,
    @Nullable ResidualArgs residual,
    @Nullable MemorySegment saved,
    MemorySegment y,
    @Nullable MemorySegment statistics,
    @Nullable MemorySegment factor,
    @Nullable MemorySegment draws) {

  /**
   * The shortcut's buffers.
   *
   * @param x the tensor that it reads
   * @param table that tensor's channel table, or null where its activation needs none
   */
  public record ResidualArgs(MemorySegment x, @Nullable MemorySegment table) {}

  /** Buffers of a stage without a second tensor and without draws. */
  public ForwardArgs(
      Stage stage,
      int batch,
      MemorySegment x,
      @Nullable MemorySegment table,
      @Nullable MemorySegment store,
      @Nullable MemorySegment weights,
      @Nullable MemorySegment bias,
      @Nullable ResidualArgs residual,
      @Nullable MemorySegment saved,
      MemorySegment y,
      @Nullable MemorySegment statistics) {
    this(stage, batch, x, table, store, weights, bias, residual, saved, y, statistics, null, null);
  }

  /** Checks every buffer against the shapes. */
  public ForwardArgs {
    if (batch < 1) {
      throw new IllegalArgumentException("A batch needs at least one picture");
    }
    Operator operator = stage.operator();
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    Activation activation = stage.activation();
    ArgumentChecks.check(x, batch * in.bytes(), "input");
    ArgumentChecks.check(y, batch * stage.layout().bytes(out), "output");
    requireOptional(table, activation.needsTable(), ChannelTable.bytes(in.channels()), "table");
    requireOptional(
        store, activation.store().isWritten(), batch * activation.store().bytes(in), "store");
    requireOptional(weights, operator.weights() > 0, 4L * operator.weights(), "weights");
    requireOptional(bias, stage.hasBias(), 4L * out.channels(), "bias");
    requireOptional(
        statistics, stage.statistics(), Partials.statisticsBytes(out.channels()), "sums");
    if (saved != null) {
      ArgumentChecks.check(saved, batch * operator.savedBytes(), "saved values");
    }
    FeatureMap second = operator.factor();
    requireOptional(
        factor, second != null, second == null ? 0 : batch * second.bytes(), "second tensor");
    requireOptional(draws, operator instanceof Operator.Dropout, Draw.BYTES, "draws");
    Stage.Residual shortcut = stage.residual();
    if ((shortcut == null) != (residual == null)) {
      throw new IllegalArgumentException("The shortcut's buffers do not match the stage");
    }
    if (shortcut != null && residual != null) {
      FeatureMap map = shortcut.transform().input();
      Activation a = shortcut.activation();
      ArgumentChecks.check(residual.x(), batch * map.bytes(), "shortcut");
      if (residual.x().address() == y.address() && !stage.layout().isDense(out)) {
        throw new IllegalArgumentException("A slice is not written over the shortcut's input");
      }
      requireOptional(
          residual.table(), a.needsTable(), ChannelTable.bytes(map.channels()), "shortcut's table");
    }
  }

  static void requireOptional(
      @Nullable MemorySegment segment, boolean needed, long bytes, String what) {
    if (segment != null) {
      ArgumentChecks.check(segment, bytes, what);
    } else if (needed) {
      throw new IllegalArgumentException("The stage needs its " + what);
    }
  }
}
