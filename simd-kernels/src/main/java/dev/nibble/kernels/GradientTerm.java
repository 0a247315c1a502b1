package dev.nibble.kernels;

import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One summand of a tensor's gradient, read lazily: a gradient is the sum of its consumers' terms,
 * and no pass over memory is spent on adding them or on carrying them through a batch norm.
 */
public sealed interface GradientTerm {
  /** Shape of the tensor whose gradient this is a term of. */
  FeatureMap map();

  /**
   * The gradient of a shortcut's output, carried back through the shortcut's transform.
   *
   * @param gradient fp32, of the shape of the transform's output
   * @param transform the shortcut; its input is the tensor in question
   */
  record Shortcut(MemorySegment gradient, Resample transform) implements GradientTerm {
    @Override
    public FeatureMap map() {
      return transform.input();
    }
  }

  /**
   * The gradient d behind a stage's batch norm (after the mask), carried through that batch norm as
   * it is read: {@code fma(d, DX_SCALE, fma(q, DX_CODE, DX_OFFSET))}.
   *
   * @param map shape of the tensor
   * @param gradient d, fp32
   * @param table the batch norm's channel table with its DX rows
   * @param format how q was stored: FP32 or codes
   * @param store the stored copy
   */
  record Normalized(
      FeatureMap map,
      MemorySegment gradient,
      MemorySegment table,
      StoreFormat format,
      MemorySegment store)
      implements GradientTerm {}

  /**
   * The gradient of a slice of a wider tensor's channels, as it lies in that tensor's gradient.
   *
   * @param map shape of the slice
   * @param gradient fp32, of the wider tensor
   * @param layout where the slice lies in it
   */
  record Slice(FeatureMap map, MemorySegment gradient, Layout layout) implements GradientTerm {
    /** Checks that the slice lies in a pixel. */
    public Slice {
      layout.check(map);
    }
  }

  /** Checks a term's buffers for a batch. */
  static void check(GradientTerm term, int batch, FeatureMap expected) {
    if (!term.map().equals(expected)) {
      throw new IllegalArgumentException(
          "A gradient of " + term.map() + " does not fit a tensor of " + expected);
    }
    switch (term) {
      case Shortcut s ->
          ArgumentChecks.check(
              s.gradient(), batch * s.transform().output().bytes(), "shortcut's gradient");
      case Slice s ->
          ArgumentChecks.check(s.gradient(), batch * s.layout().bytes(s.map()), "wider gradient");
      case Normalized n -> {
        if (!n.format().isWritten()) {
          throw new IllegalArgumentException("A batch norm's gradient needs its stored values");
        }
        ArgumentChecks.check(n.gradient(), batch * n.map().bytes(), "gradient");
        ArgumentChecks.check(n.table(), ChannelTable.bytes(n.map().channels()), "gradient's table");
        ArgumentChecks.check(n.store(), batch * n.format().bytes(n.map()), "gradient's store");
      }
    }
  }

  /** A term whose buffer has the tensor's own shape and values. */
  static GradientTerm plain(MemorySegment gradient, FeatureMap map) {
    return new Shortcut(gradient, Resample.identity(map));
  }

  /** The buffer if the term is plain, else null. */
  static @Nullable MemorySegment plainBuffer(GradientTerm term) {
    return term instanceof Shortcut s && s.transform().isIdentity() ? s.gradient() : null;
  }
}
