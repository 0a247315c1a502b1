package dev.nibble.kernels.cublas;

import dev.nibble.kernels.Operator.Convolution;

/**
 * A convolution's three products over a group of pictures, as calls of cuBLAS on one handle.
 *
 * <p>cuBLAS takes matrices column by column, so a matrix that lies row by row is its transpose to
 * it: {@code Y = X W} is asked for as {@code Y' = W' X'}.
 */
final class ConvolutionProducts {
  private final Cublas blas;
  private final long handle;
  private final Precision precision;

  ConvolutionProducts(Cublas blas, long handle, Precision precision) {
    this.blas = blas;
    this.handle = handle;
    this.precision = precision;
    blas.setMathMode(handle, precision == Precision.TF32 ? Cublas.TF32_MATH : Cublas.DEFAULT_MATH);
  }

  /** Y[r, C_out] = sum over taps of A[r + shift, C_in] W[tap]. */
  void forward(
      ConvolutionGrid grid,
      int pictures,
      DevicePointer in,
      DevicePointer weights,
      long weightsAt,
      DevicePointer out) {
    Convolution op = grid.op();
    int inputs = op.input().channels();
    int outputs = op.outChannels();
    int rows = pictures * grid.pixels() - grid.margin();
    for (int ky = 0; ky < op.kernel(); ky++) {
      for (int kx = 0; kx < op.kernel(); kx++) {
        int tap = ky * op.kernel() + kx;
        multiply(
            false,
            false,
            outputs,
            rows,
            inputs,
            weights,
            weightsAt + 4L * tap * inputs * outputs,
            outputs,
            in,
            activation(grid, pictures, ky, kx),
            inputs,
            tap > 0,
            out,
            0,
            outputs);
      }
    }
  }

  /** dW[tap, C_in, C_out] = sum over r of A[r + shift]' D[r], added to what is there or not. */
  void backwardWeights(
      ConvolutionGrid grid, int pictures, DevicePointer in, boolean add, DevicePointer gradient) {
    Convolution op = grid.op();
    int inputs = op.input().channels();
    int outputs = op.outChannels();
    int kernel = op.kernel();
    int rows = pictures * grid.pixels() - grid.margin();
    long dy = 4 * (grid.gradientAt(pictures) + (long) grid.margin() * outputs);
    // The taps of a kernel's row lie one pixel apart; cublasGemmEx knows no such series.
    boolean series = op.stride() == 1 && kernel > 1 && precision != Precision.BF16;
    for (int ky = 0; ky < kernel; ky++) {
      long target = 4L * ky * kernel * inputs * outputs;
      if (series) {
        blas.sgemmStridedBatched(
            handle,
            false,
            true,
            outputs,
            inputs,
            rows,
            in,
            dy,
            outputs,
            0,
            in,
            activation(grid, pictures, ky, 0),
            inputs,
            inputs,
            add,
            gradient,
            target,
            outputs,
            (long) inputs * outputs,
            kernel);
        continue;
      }
      for (int kx = 0; kx < kernel; kx++) {
        multiply(
            false,
            true,
            outputs,
            inputs,
            rows,
            in,
            dy,
            outputs,
            in,
            activation(grid, pictures, ky, kx),
            inputs,
            add,
            gradient,
            target + 4L * kx * inputs * outputs,
            outputs);
      }
    }
  }

  /** dA[q, C_in] of every plane = sum over the plane's taps of D[q - shift, C_out] W[tap]'. */
  void backwardData(
      ConvolutionGrid grid,
      int pictures,
      DevicePointer in,
      DevicePointer weights,
      long weightsAt,
      DevicePointer out) {
    Convolution op = grid.op();
    int inputs = op.input().channels();
    int outputs = op.outChannels();
    int rows = pictures * grid.pixels();
    for (int ky = 0; ky < op.kernel(); ky++) {
      for (int kx = 0; kx < op.kernel(); kx++) {
        long tap = (long) ky * op.kernel() + kx;
        long before = (long) grid.margin() - grid.shift(ky, kx);
        multiply(
            true,
            false,
            inputs,
            rows,
            outputs,
            weights,
            weightsAt + 4 * tap * inputs * outputs,
            outputs,
            in,
            4 * (grid.gradientAt(pictures) + before * outputs),
            outputs,
            // The first tap of a plane is the one within a stride of the kernel's corner.
            ky >= op.stride() || kx >= op.stride(),
            out,
            4L * grid.plane(ky, kx) * grid.planeFloats(pictures),
            inputs);
      }
    }
  }

  /** Byte offset of the activations that a tap reads. */
  private static long activation(ConvolutionGrid grid, int pictures, int ky, int kx) {
    long shift = (long) grid.shift(ky, kx) * grid.op().input().channels();
    return 4 * (grid.plane(ky, kx) * grid.planeFloats(pictures) + shift);
  }

  private void multiply(
      boolean transposeA,
      boolean transposeB,
      int m,
      int n,
      int k,
      DevicePointer a,
      long aAt,
      int lda,
      DevicePointer b,
      long bAt,
      int ldb,
      boolean add,
      DevicePointer c,
      long cAt,
      int ldc) {
    if (precision == Precision.BF16) {
      blas.gemmFast16bf(
          handle, transposeA, transposeB, m, n, k, a, aAt, lda, b, bAt, ldb, add, c, cAt, ldc);
    } else {
      blas.sgemm(
          handle, transposeA, transposeB, m, n, k, a, aAt, lda, b, bAt, ldb, add, c, cAt, ldc);
    }
  }
}
