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
  private final Gemm gemm = new Gemm();

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
    for (int ky = 0; ky < op.window().kernelHeight(); ky++) {
      for (int kx = 0; kx < op.window().kernelHeight(); kx++) {
        int tap = ky * op.window().kernelHeight() + kx;
        multiply(
            gemm.size(outputs, rows, inputs)
                .a(weights, weightsAt + 4L * tap * inputs * outputs, outputs, false)
                .b(in, activation(grid, pictures, ky, kx), inputs, false)
                .c(out, 0, outputs, tap > 0));
      }
    }
  }

  /** dW[tap, C_in, C_out] = sum over r of A[r + shift]' D[r], added to what is there or not. */
  void backwardWeights(
      ConvolutionGrid grid, int pictures, DevicePointer in, boolean add, DevicePointer gradient) {
    Convolution op = grid.op();
    int inputs = op.input().channels();
    int outputs = op.outChannels();
    int kernel = op.window().kernelHeight();
    int rows = pictures * grid.pixels() - grid.margin();
    long dy = 4 * (grid.gradientAt(pictures) + (long) grid.margin() * outputs);
    // The taps of a kernel's row lie one pixel apart; cublasGemmEx knows no such series.
    boolean series = op.window().strideHeight() == 1 && kernel > 1 && precision != Precision.BF16;
    int together = series ? kernel : 1;
    for (int tap = 0; tap < kernel * kernel; tap += together) {
      gemm.size(outputs, inputs, rows)
          .a(in, dy, outputs, false)
          .b(in, activation(grid, pictures, tap / kernel, tap % kernel), inputs, true)
          .c(gradient, 4L * tap * inputs * outputs, outputs, add);
      multiply(series ? gemm.series(kernel, 0, inputs, (long) inputs * outputs) : gemm);
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
    for (int ky = 0; ky < op.window().kernelHeight(); ky++) {
      for (int kx = 0; kx < op.window().kernelHeight(); kx++) {
        long tap = (long) ky * op.window().kernelHeight() + kx;
        long before = (long) grid.margin() - grid.shift(ky, kx);
        // The first tap of a plane is the one within a stride of the kernel's corner.
        boolean add = ky >= op.window().strideHeight() || kx >= op.window().strideHeight();
        multiply(
            gemm.size(inputs, rows, outputs)
                .a(weights, weightsAt + 4 * tap * inputs * outputs, outputs, true)
                .b(in, 4 * (grid.gradientAt(pictures) + before * outputs), outputs, false)
                .c(out, 4L * grid.plane(ky, kx) * grid.planeFloats(pictures), inputs, add));
      }
    }
  }

  /** Byte offset of the activations that a tap reads. */
  private static long activation(ConvolutionGrid grid, int pictures, int ky, int kx) {
    long shift = (long) grid.shift(ky, kx) * grid.op().input().channels();
    return 4 * (grid.plane(ky, kx) * grid.planeFloats(pictures) + shift);
  }

  private void multiply(Gemm product) {
    if (precision == Precision.BF16) {
      blas.gemmFast16bf(handle, product);
    } else {
      blas.sgemm(handle, product);
    }
  }
}
