package dev.nibble.engine.data;

/**
 * Rows and columns of a picture, in pixels.
 *
 * @param height rows, 1 to 16384
 * @param width columns, 1 to 16384
 * @param resizing how pictures of another size are brought to this one
 */
public record PictureSize(int height, int width, Resizing resizing) {
  /** Longest side that a data set may have. */
  public static final int MAX_SIDE = 16384;

  /**
   * Checks the range of both sides.
   *
   * @throws DataException if a side is out of range
   */
  public PictureSize {
    if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE) {
      throw new DataException(
          "A picture size of %dx%d is out of range; both sides must be 1 to %d pixels."
              .formatted(height, width, MAX_SIDE));
    }
  }

  /** A size to which pictures are stretched. */
  public PictureSize(int height, int width) {
    this(height, width, Resizing.STRETCH);
  }

  /** The same size, reached in another way. */
  public PictureSize with(Resizing other) {
    return new PictureSize(height, width, other);
  }

  @Override
  public String toString() {
    return height + "x" + width;
  }
}
