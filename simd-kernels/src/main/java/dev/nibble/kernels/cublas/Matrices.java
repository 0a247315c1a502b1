package dev.nibble.kernels.cublas;

/** Where column-major matrices of floats lie in device memory, checked to lie inside it. */
final class Matrices {
  private Matrices() {}

  /**
   * The address of the first of matrices.
   *
   * @param offset where it begins in the memory, in bytes
   * @param leading floats from one column to the next
   * @param stride floats from one matrix to the next
   * @throws IndexOutOfBoundsException if one of them reaches outside the memory
   */
  static long address(
      DevicePointer memory,
      long offset,
      int rows,
      int columns,
      int leading,
      long stride,
      int count) {
    if (leading < rows) {
      throw new IllegalArgumentException(
          "Columns of %d floats can't lie %d apart".formatted(rows, leading));
    }
    if (stride < 0 || count <= 0) {
      throw new IllegalArgumentException(
          "%d matrices can't lie %d floats apart".formatted(count, stride));
    }
    if (offset % Float.BYTES != 0) {
      throw new IllegalArgumentException("An offset must be whole floats, but is " + offset);
    }
    // Sizes are ints, so that only the stride can leave a long.
    long matrix = (columns - 1L) * leading + rows;
    long floats;
    try {
      floats = Math.addExact(Math.multiplyExact(stride, count - 1L), matrix);
      return memory.at(offset, Math.multiplyExact(floats, (long) Float.BYTES));
    } catch (ArithmeticException e) {
      throw new IndexOutOfBoundsException(
          "%d matrices %d floats apart leave %d bytes".formatted(count, stride, memory.bytes()));
    }
  }
}
