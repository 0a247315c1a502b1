package dev.nibble.kernels;

/**
 * A map of pixels that are sampled from another's, each channel by itself: {@code y[oy,ox,c] = sum
 * of share(oy,iy) * share(ox,ix) * a[iy,ix,c]}. Nothing is kept for the backward pass, and the
 * gradient is exact.
 *
 * @param input shape of the input
 * @param rows how its rows are sampled
 * @param columns how its columns are
 */
public record Sampling(FeatureMap input, AxisSampling rows, AxisSampling columns)
    implements Operator {
  /** Checks that the axes are the input's. */
  public Sampling {
    if (rows.size() != input.height() || columns.size() != input.width()) {
      throw new IllegalArgumentException(
          "A picture of %s is not sampled by %s rows and %s columns"
              .formatted(input, rows, columns));
    }
    // Refuses an output that is too large.
    new FeatureMap(rows.length(), columns.length(), input.channels());
  }

  @Override
  public int outputHeight() {
    return rows.length();
  }

  @Override
  public int outputWidth() {
    return columns.length();
  }

  @Override
  public int outputChannels() {
    return input.channels();
  }
}
