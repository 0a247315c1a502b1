package dev.nibble.engine.data;

/**
 * A random part of a picture, scaled: what {@link Dataset#readPart} shows, for data sets of your
 * own that have their pictures in another size than the network's.
 */
public final class RandomResizedCrop {
  private RandomResizedCrop() {}

  /**
   * Takes 8 to 100 % of a picture's area, between 3:4 and 4:3, and scales it with a triangle
   * filter.
   *
   * @param pixels height x width x channels bytes of 0..255, channels fastest
   * @param key what is drawn from: the same part for the same key
   * @param size what the part is scaled to, whatever its aspect
   * @return size.height x size.width x channels bytes
   * @throws IndexOutOfBoundsException if there are fewer pixels
   */
  public static byte[] of(
      byte[] pixels, int height, int width, int channels, long key, PictureSize size) {
    CropBox box = CropBox.random(key, height, width);
    return CropResizer.resize(pixels, width, channels, box, size);
  }
}
