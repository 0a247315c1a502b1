package dev.nibble.kernels.cublas;

/**
 * What a matrix product is asked for: C = op(A) op(B), or C += op(A) op(B), where op(A) has m rows
 * and k columns, op(B) k and n; or several of them at once, each a stride from the one before. The
 * matrices are column-major, and op transposes or does nothing.
 *
 * <p>Filled in anew for every product, so that a step allocates nothing. One thread at a time uses
 * it.
 */
final class Gemm {
  private final Operand a = new Operand();
  private final Operand b = new Operand();
  private final Operand c = new Operand();
  private int m;
  private int n;
  private int k;
  private int count = 1;
  private boolean accumulate;

  /** Where a matrix lies. */
  private static final class Operand {
    private static final DevicePointer NOWHERE = new DevicePointer(0, 0);

    private DevicePointer memory = NOWHERE;
    private long offset;
    private int leading;
    private boolean transposed;
    private long stride;

    private void set(DevicePointer newMemory, long newOffset, int newLeading, boolean transpose) {
      memory = newMemory;
      offset = newOffset;
      leading = newLeading;
      transposed = transpose;
    }

    /** Checked, for op of the matrix with these rows and columns. */
    private long address(int rows, int columns, int count) {
      return Matrices.address(
          memory,
          offset,
          transposed ? columns : rows,
          transposed ? rows : columns,
          leading,
          stride,
          count);
    }
  }

  /** Sizes of a single product. */
  Gemm size(int newM, int newN, int newK) {
    m = newM;
    n = newN;
    k = newK;
    return series(1, 0, 0, 0);
  }

  /**
   * Says where A lies.
   *
   * @param offset bytes from the memory's begin
   * @param leading floats from one column, as it lies in memory, to the next
   */
  Gemm a(DevicePointer memory, long offset, int leading, boolean transpose) {
    a.set(memory, offset, leading, transpose);
    return this;
  }

  /** Says where B lies; see {@link #a}. */
  Gemm b(DevicePointer memory, long offset, int leading, boolean transpose) {
    b.set(memory, offset, leading, transpose);
    return this;
  }

  /**
   * Says where C lies; see {@link #a}.
   *
   * @param add whether to add to what is there, else that is not read
   */
  Gemm c(DevicePointer memory, long offset, int leading, boolean add) {
    c.set(memory, offset, leading, false);
    accumulate = add;
    return this;
  }

  /** That many products; the strides are in floats, and those of A and B may be 0. */
  Gemm series(int newCount, long strideA, long strideB, long strideC) {
    count = newCount;
    a.stride = strideA;
    b.stride = strideB;
    c.stride = strideC;
    return this;
  }

  /**
   * Refuses what is no product.
   *
   * @throws IllegalArgumentException if a size is not positive or several share one result
   */
  void check() {
    if (m <= 0 || n <= 0 || k <= 0) {
      throw new IllegalArgumentException(
          "A product's sizes must be positive, but are %dx%dx%d".formatted(m, n, k));
    }
    if (c.stride == 0 && count > 1) {
      throw new IllegalArgumentException(count + " products can't share one result");
    }
  }

  /**
   * The address of A, or of the first A.
   *
   * @throws IndexOutOfBoundsException if it reaches outside its memory
   */
  long addressA() {
    return a.address(m, k, count);
  }

  /** The address of B; see {@link #addressA}. */
  long addressB() {
    return b.address(k, n, count);
  }

  /** The address of C; see {@link #addressA}. */
  long addressC() {
    return c.address(m, n, count);
  }

  int m() {
    return m;
  }

  int n() {
    return n;
  }

  int k() {
    return k;
  }

  int count() {
    return count;
  }

  boolean transposesA() {
    return a.transposed;
  }

  boolean transposesB() {
    return b.transposed;
  }

  boolean accumulates() {
    return accumulate;
  }

  int leadingA() {
    return a.leading;
  }

  int leadingB() {
    return b.leading;
  }

  int leadingC() {
    return c.leading;
  }

  long strideA() {
    return a.stride;
  }

  long strideB() {
    return b.stride;
  }

  long strideC() {
    return c.stride;
  }

  /** Such as {@code N,T of 16x32x8}. */
  @Override
  public String toString() {
    String one =
        "%s,%s of %dx%dx%d".formatted(a.transposed ? "T" : "N", b.transposed ? "T" : "N", m, n, k);
    return count == 1 ? one : one + " times " + count;
  }
}
