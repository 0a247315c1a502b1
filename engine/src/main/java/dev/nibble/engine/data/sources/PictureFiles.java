package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.pictures.ByteSource;
import dev.nibble.engine.data.pictures.PictureDecoder;
import dev.nibble.engine.data.pictures.PictureFormat;
import dev.nibble.engine.data.pictures.PictureResizer;
import dev.nibble.engine.data.pictures.RgbPicture;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Reads single picture files as a network wants them, as prediction does: JPEG, PNG, GIF (the first
 * frame), BMP, TIFF, and WebP where a library for ImageIO reads it.
 *
 * <p>Colours are those that libjpeg, PIL and torchvision give: profiles are ignored, transparency
 * is dropped. Pictures are turned as their EXIF data says, unless that is to be ignored.
 */
public final class PictureFiles {
  private PictureFiles() {}

  /**
   * Decodes a picture, resizes it (stretching, not cropping) and writes it as bytes of 0..255,
   * height x width x channels.
   *
   * @param channels 3 for red, green, blue, or 1 for grey (luma of ITU-R BT.601)
   * @param target receives height x width x channels bytes at {@code offset}
   * @throws DataException naming the file, if it is not a sound picture of at most 100 megapixels
   * @throws IllegalArgumentException if there are neither 1 nor 3 channels
   * @throws IndexOutOfBoundsException if the picture does not fit the target
   */
  public static void read(
      Path path, PictureSize size, int channels, MemorySegment target, long offset) {
    read(path, size, channels, false, target, offset);
  }

  /**
   * As {@link #read(Path, PictureSize, int, MemorySegment, long)}.
   *
   * @param ignoreOrientation whether a picture stays as it is stored, whatever its EXIF data says
   */
  public static void read(
      Path path,
      PictureSize size,
      int channels,
      boolean ignoreOrientation,
      MemorySegment target,
      long offset) {
    checkChannels(channels);
    write(PictureDecoder.decodeAlone(path, !ignoreOrientation), size, channels, target, offset);
  }

  /**
   * As {@link #read(Path, PictureSize, int, MemorySegment, long)}, of a file that lies in memory.
   *
   * @param file the whole file
   * @param name what messages call it
   */
  public static void read(
      byte[] file, String name, PictureSize size, int channels, MemorySegment target, long offset) {
    read(file, name, size, channels, false, target, offset);
  }

  /**
   * As {@link #read(byte[], String, PictureSize, int, MemorySegment, long)}.
   *
   * @param ignoreOrientation whether a picture stays as it is stored, whatever its EXIF data says
   */
  public static void read(
      byte[] file,
      String name,
      PictureSize size,
      int channels,
      boolean ignoreOrientation,
      MemorySegment target,
      long offset) {
    checkChannels(channels);
    write(PictureDecoder.decode(file, name, !ignoreOrientation), size, channels, target, offset);
  }

  /**
   * Rows and columns by a file's header, as the picture is seen; no pixel is decoded.
   *
   * @param name what messages call it
   * @throws DataException naming the file, if it is no picture or larger than can be decoded
   */
  public static PictureSize size(byte[] file, String name) {
    return size(file, name, false);
  }

  /**
   * As {@link #size(byte[], String)}.
   *
   * @param ignoreOrientation whether a picture stays as it is stored, whatever its EXIF data says
   */
  public static PictureSize size(byte[] file, String name, boolean ignoreOrientation) {
    return PictureDecoder.size(file, name, !ignoreOrientation);
  }

  /**
   * Whether bytes begin as a picture file of one of the kinds that are read; whether it is sound is
   * another matter.
   */
  public static boolean isPicture(byte[] file) {
    try {
      return PictureFormat.of(ByteSource.of(file)) != null;
    } catch (IOException e) {
      return false;
    }
  }

  private static void checkChannels(int channels) {
    if (channels != 1 && channels != 3) {
      throw new IllegalArgumentException("A picture has 1 or 3 channels, not " + channels);
    }
  }

  private static void write(
      RgbPicture picture, PictureSize size, int channels, MemorySegment target, long offset) {
    byte[] rgb = PictureResizer.resize(picture, size);
    if (channels == 3) {
      MemorySegment.copy(rgb, 0, target, JAVA_BYTE, offset, rgb.length);
      return;
    }
    for (int i = 0; i < rgb.length / 3; i++) {
      int red = rgb[3 * i] & 0xFF;
      int green = rgb[3 * i + 1] & 0xFF;
      int blue = rgb[3 * i + 2] & 0xFF;
      target.set(
          JAVA_BYTE, offset + i, (byte) ((299 * red + 587 * green + 114 * blue + 500) / 1000));
    }
  }
}
