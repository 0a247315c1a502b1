package dev.nibble.kernels;

/**
 * Where the channels of a tensor lie in the pixels of a buffer, which may be wider: the tensors
 * that a concatenation joins are slices of one buffer, and nothing is copied.
 *
 * @param pitch floats from a pixel of the buffer to the next
 * @param offset the first channel's place in a pixel
 */
public record Layout(int pitch, int offset) {
  /** Checks the numbers. */
  public Layout {
    if (pitch < 1 || offset < 0 || offset >= pitch) {
      throw new IllegalArgumentException(
          "Channels begin in a pixel, not at " + offset + " of " + pitch);
    }
  }

  /** A buffer that holds nothing but the tensor. */
  public static Layout dense(FeatureMap map) {
    return new Layout(map.channels(), 0);
  }

  /** Whether a buffer holds nothing but the tensor. */
  public boolean isDense(FeatureMap map) {
    return pitch == map.channels() && offset == 0;
  }

  /** Bytes of a picture in the buffer. */
  public long bytes(FeatureMap map) {
    return 4L * map.pixels() * pitch;
  }

  /** Refuses a slice that leaves its pixel, or a buffer's picture of more than 2^28 values. */
  void check(FeatureMap map) {
    if (map.channels() > pitch - offset) {
      throw new IllegalArgumentException(
          "A slice of %d channels from %d on leaves a pixel of %d"
              .formatted(map.channels(), offset, pitch));
    }
    if ((long) map.pixels() * pitch > 1 << 28) {
      throw new IllegalArgumentException(
          "A buffer of " + map.height() + "x" + map.width() + "x" + pitch + " exceeds 2^28 values");
    }
  }
}
