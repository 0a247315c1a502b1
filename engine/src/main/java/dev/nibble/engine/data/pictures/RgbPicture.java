package dev.nibble.engine.data.pictures;

/** A decoded picture: height x width x 3 bytes. */
public final class RgbPicture {
  private final int height;
  private final int width;
  private final byte[] rgb;

  /**
   * Takes the bytes, not a copy.
   *
   * @param rgb height x width x 3 bytes
   */
  public RgbPicture(int height, int width, byte[] rgb) {
    this.height = height;
    this.width = width;
    this.rgb = rgb;
  }

  /** Rows. */
  public int height() {
    return height;
  }

  /** Columns. */
  public int width() {
    return width;
  }

  /** The picture's own bytes, not a copy. */
  public byte[] rgb() {
    return rgb;
  }
}
