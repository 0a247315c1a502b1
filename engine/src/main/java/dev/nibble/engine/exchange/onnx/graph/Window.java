package dev.nibble.engine.exchange.onnx.graph;

/**
 * A window that slides over a map.
 *
 * @param height its rows
 * @param width its columns
 * @param strideHeight rows from one position to the next
 * @param strideWidth columns from one position to the next
 * @param top rows of padding above
 * @param left columns of padding to the left
 * @param bottom rows of padding below
 * @param right columns of padding to the right
 * @param dilationHeight rows from one of its rows to the next
 * @param dilationWidth columns from one of its columns to the next
 */
public record Window(
    int height,
    int width,
    int strideHeight,
    int strideWidth,
    int top,
    int left,
    int bottom,
    int right,
    int dilationHeight,
    int dilationWidth) {
  /** Whether it is k x k with one stride in both directions, not dilated. */
  public boolean isSquare() {
    return height == width
        && strideHeight == strideWidth
        && dilationHeight == 1
        && dilationWidth == 1;
  }

  /** Whether it is padded by this much on every side. */
  public boolean isPadded(int padding) {
    return top == padding && left == padding && bottom == padding && right == padding;
  }

  Window padded(int moreTop, int moreLeft, int moreBottom, int moreRight) {
    return new Window(
        height,
        width,
        strideHeight,
        strideWidth,
        top + moreTop,
        left + moreLeft,
        bottom + moreBottom,
        right + moreRight,
        dilationHeight,
        dilationWidth);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(height + "x" + width);
    text.append(strideHeight == strideWidth ? "/" + strideHeight : "");
    if (strideHeight != strideWidth) {
      text.append("/").append(strideHeight).append("x").append(strideWidth);
    }
    if (dilationHeight != 1 || dilationWidth != 1) {
      text.append(" dilated ").append(dilationHeight).append("x").append(dilationWidth);
    }
    if (top == left && left == bottom && bottom == right) {
      text.append(top == 0 ? "" : " padded " + top);
    } else {
      text.append(" padded ").append(top).append(",").append(left);
      text.append(",").append(bottom).append(",").append(right);
    }
    return text.toString();
  }
}
