package dev.nibble.engine.exchange.onnx.graph;

import org.jspecify.annotations.Nullable;

/**
 * A whole number that may depend on the batch: {@code fixed + batch * N}, where N, the number of
 * pictures, is not known but at least 1.
 *
 * @param fixed what does not depend on it
 * @param batch what is multiplied by it
 */
public record Extent(long fixed, long batch) {
  /** The number of pictures. */
  public static final Extent N = new Extent(0, 1);

  /** A number that does not depend on the batch. */
  public static Extent of(long fixed) {
    return new Extent(fixed, 0);
  }

  /** Whether it does not depend on the batch. */
  public boolean isFixed() {
    return batch == 0;
  }

  Extent plus(Extent other) {
    return new Extent(Math.addExact(fixed, other.fixed), Math.addExact(batch, other.batch));
  }

  Extent minus(Extent other) {
    return new Extent(
        Math.subtractExact(fixed, other.fixed), Math.subtractExact(batch, other.batch));
  }

  /** The product, or null if it is none of this kind. */
  @Nullable Extent times(Extent other) {
    if (batch != 0 && other.batch != 0) {
      return null;
    }
    return new Extent(
        Math.multiplyExact(fixed, other.fixed),
        Math.addExact(
            Math.multiplyExact(batch, other.fixed), Math.multiplyExact(fixed, other.batch)));
  }

  /** The quotient, rounded to zero as C does, or null if it is none of this kind. */
  @Nullable Extent dividedBy(Extent other) {
    if (other.fixed == 0 && other.batch != 0 && fixed == 0 && batch % other.batch == 0) {
      return of(batch / other.batch);
    }
    if (other.batch != 0 || other.fixed == 0) {
      return null;
    }
    if (batch == 0) {
      return of(fixed / other.fixed);
    }
    boolean isWhole = fixed % other.fixed == 0 && batch % other.fixed == 0;
    return isWhole ? new Extent(fixed / other.fixed, batch / other.fixed) : null;
  }

  /** The sign, or null if it depends on the batch. */
  @Nullable Integer sign() {
    if (batch == 0) {
      return Long.signum(fixed);
    }
    // fixed + batch * N over N = 1, 2, ...: both ends must agree.
    int atOne = Long.signum(Math.addExact(fixed, batch));
    return atOne == Long.signum(batch) ? atOne : null;
  }

  @Override
  public String toString() {
    if (batch == 0) {
      return Long.toString(fixed);
    }
    String term = batch == 1 ? "N" : batch + "N";
    return fixed == 0 ? term : term + (fixed < 0 ? "" : "+") + fixed;
  }
}
