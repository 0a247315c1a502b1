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
 * <p>Not a record, because it keeps the terms that stand for the others once their sum is made.
 */
public final class BackwardArgs {
  private final Stage stage;
  private final int batch;
  private final List<GradientTerm> outputTerms;
  private final @Nullable MemorySegment gradientOut;
  private final @Nullable MemorySegment x;
  private final @Nullable MemorySegment table;
  private final @Nullable MemorySegment store;
  private final @Nullable MemorySegment weights;
  private final @Nullable MemorySegment saved;
  private final List<GradientTerm> activationTerms;
  private final @Nullable MemorySegment dx;
  private final @Nullable MemorySegment gradients;
  private final MemorySegment sums;
  private final @Nullable MemorySegment factor;
  private final @Nullable MemorySegment factorGradient;
  private final @Nullable MemorySegment draws;
  private final List<GradientTerm> summed;

  /**
   * Checks every buffer against the shapes.
   *
   * @param stage what the forward pass computed
   * @param batch pictures that the buffers hold
   * @param outputTerms summands of the gradient of y, at least one
   * @param gradientOut where dy is left, or null; may be the buffer of a plain output term, or of
   *     one that comes through a batch norm
   * @param x the kept input for {@link StoreFormat#KEPT}; else null
   * @param table channel table of x; null where the activation needs none
   * @param store the activation's stored copy; null for NONE and KEPT
   * @param weights the operator's weights; null without weights
   * @param saved what the operator's forward pass saved ({@link Operator#savedBytes}); else null
   * @param activationTerms further summands of the gradient of the activation: shortcuts that leave
   *     after the ReLU and other readers of the same activation; not through a batch norm, maybe
   *     none
   * @param dx where d is left; null where nobody needs it (the first convolution). May be the
   *     buffer of a plain activation term, and of dy itself where d is the same: where the operator
   *     copies and neither a nonlinearity nor an activation term follows
   * @param gradients partial gradients of weights and bias, one region of {@link
   *     Partials#weightBytes} a leaf (of a single one, no more than its values); null without
   *     weights
   * @param sums partial sums, one region of {@link Partials#sumBytes} a leaf
   */
  public BackwardArgs(
      Stage stage,
      int batch,
      List<GradientTerm> outputTerms,
      @Nullable MemorySegment gradientOut,
      @Nullable MemorySegment x,
      @Nullable MemorySegment table,
      @Nullable MemorySegment store,
      @Nullable MemorySegment weights,
      @Nullable MemorySegment saved,
      List<GradientTerm> activationTerms,
      @Nullable MemorySegment dx,
      @Nullable MemorySegment gradients,
      MemorySegment sums) {
    this(
        stage,
        batch,
        outputTerms,
        gradientOut,
        x,
        table,
        store,
        weights,
        saved,
        activationTerms,
        dx,
        gradients,
        sums,
        null,
        null,
        null);
  }

  /**
   * Checks every buffer against the shapes, of a stage with a second tensor or with draws, too.
   *
   * @param factor the operator's second tensor, as the forward pass read it; else null
   * @param factorGradient where its gradient is left, fp32, of its shape; else null
   * @param draws the key that the forward pass drew with; null without a dropout
   */
  public BackwardArgs(
      Stage stage,
      int batch,
      List<GradientTerm> outputTerms,
      @Nullable MemorySegment gradientOut,
      @Nullable MemorySegment x,
      @Nullable MemorySegment table,
      @Nullable MemorySegment store,
      @Nullable MemorySegment weights,
      @Nullable MemorySegment saved,
      List<GradientTerm> activationTerms,
      @Nullable MemorySegment dx,
      @Nullable MemorySegment gradients,
      MemorySegment sums,
      @Nullable MemorySegment factor,
      @Nullable MemorySegment factorGradient,
      @Nullable MemorySegment draws) {
    this.factor = factor;
    this.factorGradient = factorGradient;
    this.draws = draws;
    this.stage = stage;
    this.batch = batch;
    this.outputTerms = List.copyOf(outputTerms);
    this.gradientOut = gradientOut;
    this.x = x;
    this.table = table;
    this.store = store;
    this.weights = weights;
    this.saved = saved;
    this.activationTerms = List.copyOf(activationTerms);
    this.dx = dx;
    this.gradients = gradients;
    this.sums = sums;
    this.summed =
        gradientOut == null
            ? this.outputTerms
            : List.of(GradientTerm.plain(gradientOut, stage.output()));
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
      if (term instanceof GradientTerm.Normalized) {
        throw new IllegalArgumentException("An activation's gradient terms are shortcuts");
      }
    }
    if (activation.store() == StoreFormat.NONE
        && (activation.normalize() || !activation.isLinear() || stage.needsInputValues())) {
      throw new IllegalArgumentException("The backward pass needs the stage's stored activation");
    }
    if (gradientOut != null) {
      ArgumentChecks.check(gradientOut, batch * out.bytes(), "output's gradient");
    }
    if (dx != null) {
      ArgumentChecks.check(dx, batch * in.bytes(), "input's gradient");
    }
    requireOptional(x, activation.store() == StoreFormat.KEPT, batch * in.bytes(), "kept input");
    requireOptional(table, activation.needsTable(), ChannelTable.bytes(in.channels()), "table");
    requireOptional(
        store, activation.store().isWritten(), batch * activation.store().bytes(in), "store");
    requireOptional(weights, operator.weights() > 0, 4L * operator.weights(), "weights");
    requireOptional(
        saved, operator.savedBytes() > 0, batch * operator.savedBytes(), "saved values");
    FeatureMap second = operator.factor();
    long factorBytes = second == null ? 0 : batch * second.bytes();
    requireOptional(factor, second != null, factorBytes, "second tensor");
    requireOptional(factorGradient, second != null, factorBytes, "second tensor's gradient");
    requireOptional(draws, operator instanceof Operator.Dropout, Draw.BYTES, "draws");
    requireOptional(
        gradients, operator.weights() > 0, 4L * Partials.weightValues(stage), "partial gradients");
    ArgumentChecks.check(sums, Partials.sumBytes(stage), "partial sums");
  }

  /** The same buffers, but for the partial gradients, which lie elsewhere. */
  public BackwardArgs withGradients(MemorySegment elsewhere) {
    return new BackwardArgs(
        stage,
        batch,
        outputTerms,
        gradientOut,
        x,
        table,
        store,
        weights,
        saved,
        activationTerms,
        dx,
        elsewhere,
        sums,
        factor,
        factorGradient,
        draws);
  }

  /** What the forward pass computed. */
  public Stage stage() {
    return stage;
  }

  /** Pictures that the buffers hold. */
  public int batch() {
    return batch;
  }

  /** Summands of the gradient of y, at least one. */
  public List<GradientTerm> outputTerms() {
    return outputTerms;
  }

  /** Where dy is left, or null; may be the buffer of a term of its shape. */
  public @Nullable MemorySegment gradientOut() {
    return gradientOut;
  }

  /** The kept input for {@link StoreFormat#KEPT}; else null. */
  public @Nullable MemorySegment x() {
    return x;
  }

  /** Channel table of x; null where the activation needs none. */
  public @Nullable MemorySegment table() {
    return table;
  }

  /** The activation's stored copy; null for NONE and KEPT. */
  public @Nullable MemorySegment store() {
    return store;
  }

  /** The operator's weights; null without weights. */
  public @Nullable MemorySegment weights() {
    return weights;
  }

  /** What the operator's forward pass saved; else null. */
  public @Nullable MemorySegment saved() {
    return saved;
  }

  /** Further summands of the gradient of the activation, not through a batch norm; maybe none. */
  public List<GradientTerm> activationTerms() {
    return activationTerms;
  }

  /** Where d is left, maybe in the buffer of a term or of dy; null where nobody needs it. */
  public @Nullable MemorySegment dx() {
    return dx;
  }

  /** Partial gradients of weights and bias, a region a leaf; null without weights. */
  public @Nullable MemorySegment gradients() {
    return gradients;
  }

  /** Partial sums, a region a leaf. */
  public MemorySegment sums() {
    return sums;
  }

  /** The operator's second tensor, as the forward pass read it; else null. */
  public @Nullable MemorySegment factor() {
    return factor;
  }

  /** Where the second tensor's gradient is left; else null. */
  public @Nullable MemorySegment factorGradient() {
    return factorGradient;
  }

  /** The key that the forward pass drew with; null without a dropout. */
  public @Nullable MemorySegment draws() {
    return draws;
  }

  /**
   * The terms of the output's gradient once {@link Kernels#sumGradient} has left their sum, where
   * it is asked for: that sum alone.
   */
  public List<GradientTerm> summed() {
    return summed;
  }
}
