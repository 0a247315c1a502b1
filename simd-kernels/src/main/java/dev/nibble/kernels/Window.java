package dev.nibble.kernels;

/**
 * The window of a convolution or pooling, which slides over zero padding and the picture. Sizes are
 * in pixels, first height, then width.
 *
 * @param kernelHeight taps below each other
 * @param kernelWidth taps side by side
 * @param strideHeight step from an output row to the next
 * @param strideWidth step from an output column to the next
 * @param padTop rows of padding above the picture
 * @param padLeft columns of padding left of it
 * @param padBottom rows of padding below it
 * @param padRight columns of padding right of it
 * @param dilationHeight rows from a tap to the next
 * @param dilationWidth columns from a tap to the next
 */
public record Window(
    int kernelHeight,
    int kernelWidth,
    int strideHeight,
    int strideWidth,
    int padTop,
    int padLeft,
    int padBottom,
    int padRight,
    int dilationHeight,
    int dilationWidth) {
  /** What every number, and the reach of a kernel, may be at most. */
  private static final int MOST = 1 << 20;

  /** Checks every number. */
  public Window {
    check(kernelHeight, kernelWidth, 1, "kernel");
    check(strideHeight, strideWidth, 1, "stride");
    check(padTop, padLeft, 0, "padding");
    check(padBottom, padRight, 0, "padding");
    check(dilationHeight, dilationWidth, 1, "dilation");
    if ((long) kernelHeight * kernelWidth > 1 << 28
        || (kernelHeight - 1L) * dilationHeight >= MOST
        || (kernelWidth - 1L) * dilationWidth >= MOST) {
      throw new IllegalArgumentException(
          "A kernel of %dx%d dilated by %dx%d reaches further than any picture"
              .formatted(kernelHeight, kernelWidth, dilationHeight, dilationWidth));
    }
  }

  private static void check(int height, int width, int least, String what) {
    if (height < least || width < least || height > MOST || width > MOST) {
      throw new IllegalArgumentException(
          "A window's %s must be %d to %d in both directions, not %dx%d"
              .formatted(what, least, MOST, height, width));
    }
  }

  /** A square window, padded by k/2 on every side, so that odd ones keep a picture's size. */
  public static Window square(int kernel, int stride) {
    return square(kernel, stride, kernel / 2);
  }

  /** A square window, padded by the same number of pixels on every side. */
  public static Window square(int kernel, int stride, int padding) {
    return new Window(kernel, kernel, stride, stride, padding, padding, padding, padding, 1, 1);
  }

  /** A window that covers a picture as a whole, once. */
  public static Window whole(FeatureMap map) {
    return new Window(map.height(), map.width(), 1, 1, 0, 0, 0, 0, 1, 1);
  }

  /** Taps: values that a window meets in a channel. */
  public int taps() {
    return kernelHeight * kernelWidth;
  }

  /** Rows from a window's first tap to its last. */
  public int reachHeight() {
    return (kernelHeight - 1) * dilationHeight + 1;
  }

  /** Columns from a window's first tap to its last. */
  public int reachWidth() {
    return (kernelWidth - 1) * dilationWidth + 1;
  }

  /** Whether it is square, its stride is one in both directions, and it is not dilated. */
  public boolean isPlain() {
    return kernelHeight == kernelWidth
        && strideHeight == strideWidth
        && dilationHeight == 1
        && dilationWidth == 1;
  }

  /** Whether it is padded by that much on every side. */
  public boolean isPaddedBy(int padding) {
    return padTop == padding && padLeft == padding && padBottom == padding && padRight == padding;
  }

  /** Whether pixels map one to one. */
  public boolean isPointwise() {
    return kernelHeight == 1
        && kernelWidth == 1
        && strideHeight == 1
        && strideWidth == 1
        && isPaddedBy(0);
  }

  /** Rows that windows make of so many; 0 or less where there is no room for one. */
  public int outputHeight(int height, boolean ceil) {
    return extent(height, padTop, padBottom, reachHeight(), strideHeight, ceil);
  }

  /** Columns that windows make of so many; 0 or less where there is no room for one. */
  public int outputWidth(int width, boolean ceil) {
    return extent(width, padLeft, padRight, reachWidth(), strideWidth, ceil);
  }

  /**
   * As PyTorch and ONNX count: with {@code ceil}, a last window may leave the padding behind, but
   * begins in the picture or in the padding before it.
   */
  private static int extent(int size, int before, int after, int reach, int stride, boolean ceil) {
    long room = (long) size + before + after - reach;
    long extent = (ceil ? Math.ceilDiv(room, (long) stride) : Math.floorDiv(room, stride)) + 1;
    if (ceil && (extent - 1) * stride >= (long) size + before) {
      extent--;
    }
    return Math.clamp(extent, 0, Integer.MAX_VALUE);
  }
}
