package dev.nibble.kernels;

/**
 * The shape of one picture's activations, stored as H x W x C (channels vary fastest).
 *
 * @param height rows, at least 1
 * @param width columns, at least 1
 * @param channels values a pixel, at least 1
 */
public record FeatureMap(int height, int width, int channels) {
  /** Rejects shapes that are empty or hold more than 2^28 values. */
  public FeatureMap {
    if (height < 1 || width < 1 || channels < 1) {
      throw new IllegalArgumentException(
          "A feature map needs a positive height, width and channel count, not "
              + (height + "x" + width + "x" + channels));
    }
    if ((long) height * width > (1L << 28) / channels) {
      throw new IllegalArgumentException(
          "A feature map of " + height + "x" + width + "x" + channels + " exceeds 2^28 values");
    }
  }

  /** Pixels of one picture: height times width. */
  public int pixels() {
    return height * width;
  }

  /** Values of one picture. */
  public int values() {
    return height * width * channels;
  }

  /** Bytes of one picture in fp32. */
  public long bytes() {
    return 4L * values();
  }

  @Override
  public String toString() {
    return height + "x" + width + "x" + channels;
  }
}
