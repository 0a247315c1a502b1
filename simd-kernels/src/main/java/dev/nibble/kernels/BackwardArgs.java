package dev.nibble.kernels;

import static dev.nibble.kernels.ForwardArgs.requireOptional;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of one stage's backward pass, checked when they are bound.
 *
 * <p>For every picture: {@code dy = sum of outputTerms} (written to {@code gradientOut} where
 * others read it later), {@code dw += operator'(a~, dy)}, {@code d = (operator''(w, dy) + sum of
 * activationTerms) * mask}, {@code sum(d)}, {@code sum(d * hat~)}; d goes to {@code dx}.
 *
 * @param stage what the forward pass computed
 * @param batch pictures that the buffers hold
 * @param outputTerms summands of the gradient of y, at least one
 * @param gradientOut where dy is left, or null; may be the buffer of a plain output term
 * @param x the kept input for {@link StoreFormat#KEPT}; else null
 * @param table channel table of x; null where the activation needs none
 * @param store the activation's stored copy; null for NONE and KEPT
 * @param weights the operator's weights; null without weights
 * @param argmax what max pooling's forward pass wrote; else null
 * @param activationTerms further summands of the gradient of the activation: shortcuts that leave
 *     after the ReLU and other readers of the same activation; shortcut terms only, maybe none
 * @param dx where d is left; null where nobody needs it (the first convolution). May be the buffer
 *     of a plain activation term
 * @param gradients partial sums, one region of {@link Partials#gradientBytes} a shard
 */
public record BackwardArgs(
    Stage stage,
    int batch,
    List<GradientTerm> outputTerms,
    @Nullable MemorySegment gradientOut,
    @Nullable MemorySegment x,
    @Nullable MemorySegment table,
    @Nullable MemorySegment store,
    @Nullable MemorySegment weights,
    @Nullable MemorySegment argmax,
    List<GradientTerm> activationTerms,
    @Nullable MemorySegment dx,
    MemorySegment gradients) {

  /** Checks every buffer against the shapes. */
  public BackwardArgs {
    outputTerms = List.copyOf(outputTerms);
    activationTerms = List.copyOf(activationTerms);
    Operator operator = stage.operator();
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    Activation activation = stage.activation();
    if (outputTerms.isEmpty()) {
      throw new IllegalArgumentException("A stage's output needs a gradient");
    }
    outputTerms.forEach(term -> GradientTerm.check(term, batch, out));
    for (GradientTerm term : activationTerms) {
      GradientTerm.check(term, batch, in);
      if (!(term instanceof GradientTerm.Shortcut)) {
        throw new IllegalArgumentException("An activation's gradient terms are shortcuts");
      }
    }
    if (activation.store() == StoreFormat.NONE
        && (activation.normalize() || activation.relu() || stage.needsInputValues())) {
      throw new IllegalArgumentException("The backward pass needs the stage's stored activation");
    }
    if (gradientOut != null) {
      Door.check(gradientOut, batch * out.bytes(), "output's gradient");
    }
    if (dx != null) {
      Door.check(dx, batch * in.bytes(), "input's gradient");
    }
    requireOptional(x, activation.store() == StoreFormat.KEPT, batch * in.bytes(), "kept input");
    requireOptional(table, activation.needsTable(), ChannelTable.bytes(in.channels()), "table");
    requireOptional(
        store, activation.store().bits() > 0, batch * activation.store().bytes(in), "store");
    requireOptional(weights, operator.weights() > 0, 4L * operator.weights(), "weights");
    requireOptional(
        argmax, operator instanceof Operator.MaxPooling, (long) batch * out.values(), "argmax");
    Door.check(gradients, Partials.gradientBytes(stage), "partial gradients");
  }
}
