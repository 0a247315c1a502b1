package dev.nibble.engine.exchange.onnx.graph;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A few numbers in a tensor's shape: whole ones, which may depend on the batch, or real ones. */
final class Numbers {
  private final long[] dims;
  private final Extent @Nullable [] whole;
  private final double @Nullable [] real;

  private Numbers(long[] dims, Extent @Nullable [] whole, double @Nullable [] real) {
    this.dims = dims.clone();
    this.whole = whole;
    this.real = real;
  }

  static Numbers whole(long[] dims, Extent... values) {
    return new Numbers(dims, values.clone(), null);
  }

  static Numbers whole(long[] dims, long[] values) {
    return new Numbers(
        dims, Arrays.stream(values).mapToObj(Extent::of).toArray(Extent[]::new), null);
  }

  static Numbers real(long[] dims, double... values) {
    return new Numbers(dims, null, values.clone());
  }

  static Numbers list(List<Extent> values) {
    return whole(new long[] {values.size()}, values.toArray(Extent[]::new));
  }

  long[] dims() {
    return dims.clone();
  }

  int rank() {
    return dims.length;
  }

  boolean isReal() {
    return real != null;
  }

  int count() {
    return real != null ? real.length : wholes().length;
  }

  /** The whole numbers; real ones without their fraction. */
  Extent[] wholes() {
    if (whole != null) {
      return whole;
    }
    double[] values = real == null ? new double[0] : real;
    return Arrays.stream(values).mapToObj(v -> Extent.of((long) v)).toArray(Extent[]::new);
  }

  /** The numbers as reals; null if one depends on the batch. */
  double @Nullable [] reals() {
    if (real != null) {
      return real;
    }
    for (Extent extent : wholes()) {
      if (!extent.isFixed()) {
        return null;
      }
    }
    return Arrays.stream(wholes()).mapToDouble(Extent::fixed).toArray();
  }

  /** The numbers as longs; null if one depends on the batch. */
  long @Nullable [] longs() {
    for (Extent extent : wholes()) {
      if (!extent.isFixed()) {
        return null;
      }
    }
    return Arrays.stream(wholes()).mapToLong(Extent::fixed).toArray();
  }

  /** The same numbers in another shape. */
  Numbers reshaped(long... other) {
    return new Numbers(other, whole, real);
  }

  /** The numbers at these places. */
  Numbers picked(long[] other, int[] places) {
    if (real != null) {
      double[] values = real;
      return real(other, IntStream.of(places).mapToDouble(i -> values[i]).toArray());
    }
    Extent[] values = wholes();
    return whole(other, IntStream.of(places).mapToObj(i -> values[i]).toArray(Extent[]::new));
  }

  /**
   * Where each value of a tensor whose axes are turned lies in the tensor as it was.
   *
   * @param dims extents as it was
   * @param order which of the old axes each axis is
   */
  static int[] turned(long[] dims, int[] order) {
    int rank = dims.length;
    long[] strides = strides(dims);
    int[] places = new int[(int) product(dims)];
    long[] at = new long[rank];
    int place = 0;
    for (int i = 0; i < places.length; i++) {
      places[i] = place;
      for (int axis = rank - 1; axis >= 0; axis--) {
        place += (int) strides[order[axis]];
        if (++at[axis] < dims[order[axis]]) {
          break;
        }
        place -= (int) (strides[order[axis]] * dims[order[axis]]);
        at[axis] = 0;
      }
    }
    return places;
  }

  /** Where each value of a tensor that is repeated to larger extents comes from. */
  static int[] broadcast(long[] dims, long[] larger) {
    long[] strides = strides(dims);
    int shift = larger.length - dims.length;
    int[] places = new int[(int) product(larger)];
    for (int i = 0; i < places.length; i++) {
      long rest = i;
      long place = 0;
      for (int axis = larger.length - 1; axis >= 0; axis--) {
        long index = rest % larger[axis];
        rest /= larger[axis];
        if (axis >= shift && dims[axis - shift] > 1) {
          place += index * strides[axis - shift];
        }
      }
      places[i] = (int) place;
    }
    return places;
  }

  static long[] strides(long[] dims) {
    long[] strides = new long[dims.length];
    long stride = 1;
    for (int axis = dims.length - 1; axis >= 0; axis--) {
      strides[axis] = stride;
      stride *= dims[axis];
    }
    return strides;
  }

  static long product(long[] dims) {
    long product = 1;
    for (long extent : dims) {
      product *= extent;
    }
    return product;
  }
}
