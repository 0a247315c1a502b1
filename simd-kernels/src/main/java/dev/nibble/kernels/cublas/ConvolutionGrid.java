package dev.nibble.kernels.cublas;

import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;

/**
 * How a convolution's pictures lie on the device, so that every tap of its kernel is one plain
 * matrix product over a whole group of pictures, without an im2col buffer.
 *
 * <p>A picture is padded with zeros and cut into {@link #planes}: plane (py, px) holds the padded
 * pixels (s*i + py, s*j + px), for a stride s; with stride 1 there is one. Tap (ky, kx) meets, for
 * output pixel (i, j), pixel (i + ky/s, j + kx/s) of plane (ky%s, kx%s): in the row of pixels that
 * a plane is, the one {@link #shift} further on. The output, its gradient and all planes share one
 * grid of {@link #height} x {@link #width} pixels a picture, of which the output fills the upper
 * left; what the products leave in the rest is never read.
 *
 * <pre>
 *   forward   Y[r]      = sum over taps of A_plane[r + shift] W[tap]       r in all rows but the margin
 *   weights   dW[tap]   = sum over r of A_plane[r + shift]' D[r]           D: gradient, zero outside
 *   data      dA_plane[q] = sum over the plane's taps of D[q - shift] W[tap]'
 * </pre>
 *
 * <p>The gradient has {@link #margin} zero rows before its first picture, which the data product
 * reads. Source of the identity: a convolution is the sum of its shifted 1x1 convolutions.
 */
final class ConvolutionGrid {
  private static final int FLOATS_ALIGNED = 16;

  private final Convolution op;
  private final int stride;
  private final int phases;
  private final int reach;
  private final int width;
  private final int height;

  ConvolutionGrid(Convolution op) {
    if (!covers(op)) {
      throw new IllegalArgumentException("No device makes the products of " + op);
    }
    this.op = op;
    this.stride = op.window().strideHeight();
    this.phases = Math.min(stride, op.window().kernelHeight());
    this.reach = (op.window().kernelHeight() - 1) / stride;
    this.width = op.outputWidth() + reach;
    this.height = op.outputHeight() + reach;
  }

  /** Whether an operator is a convolution whose products can be made so. */
  static boolean covers(Operator operator) {
    return operator instanceof Convolution op
        && op.groups() == 1
        && op.window().isPlain()
        && op.window().kernelHeight() % 2 == 1
        && op.window().isPaddedBy(op.window().kernelHeight() / 2);
  }

  /** The convolution. */
  Convolution op() {
    return op;
  }

  /** Planes in a row or column of planes: the stride, but no more than the kernel's width. */
  int phases() {
    return phases;
  }

  /** Planes of a picture. */
  int planes() {
    return phases * phases;
  }

  /** Columns of the grid. */
  int width() {
    return width;
  }

  /** Rows of the grid. */
  int height() {
    return height;
  }

  /** Pixels of the grid, rows of the matrices, a picture. */
  int pixels() {
    return width * height;
  }

  /** Rows at the end of a group of pictures that no output pixel lies in: the largest shift. */
  int margin() {
    return reach * width + reach;
  }

  /** The plane that a tap reads. */
  int plane(int ky, int kx) {
    return ky % stride * phases + kx % stride;
  }

  /** How many pixels further on a tap reads. */
  int shift(int ky, int kx) {
    return ky / stride * width + kx / stride;
  }

  /** Floats of one plane of a group of pictures. */
  long planeFloats(int pictures) {
    return (long) pictures * pixels() * op.input().channels();
  }

  /** Floats of all planes of a group. */
  long activationFloats(int pictures) {
    return planes() * planeFloats(pictures);
  }

  /** Floats of a group's forward product. */
  long productFloats(int pictures) {
    return (long) pictures * pixels() * op.outChannels();
  }

  /** Index of the gradient in a buffer that begins with the planes. */
  long gradientAt(int pictures) {
    long floats = activationFloats(pictures);
    return (floats + FLOATS_ALIGNED - 1) / FLOATS_ALIGNED * FLOATS_ALIGNED;
  }

  /** Floats of a group's gradient of the output, its margin among them. */
  long gradientFloats(int pictures) {
    return (long) margin() * op.outChannels() + productFloats(pictures);
  }

  /** Bytes that a group needs on its way to the device, in the larger of both passes. */
  long inBytes(int pictures) {
    return 4 * (gradientAt(pictures) + gradientFloats(pictures));
  }

  /** Bytes that a group's products need, in the larger of both passes. */
  long outBytes(int pictures) {
    return 4 * Math.max(productFloats(pictures), activationFloats(pictures));
  }

  /** Bytes of the weights and of their gradient. */
  long weightBytes() {
    return 4L * op.weights();
  }
}
