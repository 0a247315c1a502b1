package dev.nibble.engine.exchange;

import java.util.Arrays;
import java.util.List;

/**
 * What a tensor is called and looks like.
 *
 * @param name its name in the file
 * @param dtype the type of its elements
 * @param shape its extents, outermost first; empty for a scalar
 */
public record TensorInfo(String name, DType dtype, List<Long> shape) {
  /**
   * Checks that the shape is possible.
   *
   * @throws IllegalArgumentException if an extent is negative or the bytes do not fit a long
   */
  public TensorInfo {
    shape = List.copyOf(shape);
    bytes(dtype, shape);
  }

  /**
   * Returns a description with the extents given one by one.
   *
   * @throws IllegalArgumentException if an extent is negative or the bytes do not fit a long
   */
  public static TensorInfo of(String name, DType dtype, long... shape) {
    return new TensorInfo(name, dtype, Arrays.stream(shape).boxed().toList());
  }

  /** Returns the number of elements. */
  public long elements() {
    return bytes() / dtype.bytes();
  }

  /** Returns the number of bytes. */
  public long bytes() {
    return bytes(dtype, shape);
  }

  private static long bytes(DType dtype, List<Long> shape) {
    // An extent of 0 makes the product 0, but only if no other one has overflowed before it.
    long bytes = shape.contains(0L) ? 0 : dtype.bytes();
    for (long extent : shape) {
      if (extent < 0) {
        throw new IllegalArgumentException("the shape " + shape + " has a negative extent");
      }
      if (Math.multiplyHigh(bytes, extent) != 0 || bytes * extent < 0) {
        throw new IllegalArgumentException("the shape " + shape + " has too many elements");
      }
      bytes *= extent;
    }
    return bytes;
  }
}
