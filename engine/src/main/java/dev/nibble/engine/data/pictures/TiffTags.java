package dev.nibble.engine.data.pictures;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The first directory of a TIFF structure: that of a TIFF file, or of the EXIF data in others. */
final class TiffTags {
  private static final int WIDTH = 256;
  private static final int HEIGHT = 257;
  private static final int COMPRESSION = 259;
  private static final int PHOTOMETRIC = 262;
  private static final int ORIENTATION = 274;
  private static final int SAMPLES = 277;
  private static final int COLOUR_MAP = 320;
  private static final int SHORT = 3;
  private static final int LONG = 4;
  private static final int JPEG = 7;
  private static final int SEPARATED = 5;

  /** Cielab and its relatives. */
  private static final int FIRST_LAB = 8;

  private static final int LAST_LAB = 10;
  private static final int MOST_COLOURS = 1 << 8;

  private final ByteSource file;
  private final boolean little;
  private final long start;
  private long width;
  private long height;
  private long compression;
  private long photometric;
  private long samples;
  private long orientation;
  private long colours;
  private long colourMap;

  private TiffTags(ByteSource file, boolean little, long start) {
    this.file = file;
    this.little = little;
    this.start = start;
  }

  /**
   * Reads it.
   *
   * @param start where the structure's byte order mark stands, from which its offsets count
   * @throws IOException if it is damaged
   */
  static TiffTags read(ByteSource file, long start) throws IOException {
    boolean little = file.isAt(start, "II");
    if (!little && !file.isAt(start, "MM")) {
      throw new IOException("its TIFF header is damaged");
    }
    TiffTags tags = new TiffTags(file, little, start);
    long at = start + file.u32(start + 4, little);
    int count = file.u16(at, little);
    at += 2;
    for (int i = 0; i < count; i++, at += 12) {
      tags.entry(at);
    }
    return tags;
  }

  private void entry(long at) throws IOException {
    switch (file.u16(at, little)) {
      case WIDTH -> width = value(at);
      case HEIGHT -> height = value(at);
      case COMPRESSION -> compression = value(at);
      case PHOTOMETRIC -> photometric = value(at);
      case SAMPLES -> samples = value(at);
      case ORIENTATION -> orientation = value(at);
      case COLOUR_MAP -> {
        colours = file.u32(at + 4, little) / 3;
        colourMap = start + file.u32(at + 8, little);
      }
      default -> {}
    }
  }

  private long value(long at) throws IOException {
    return switch (file.u16(at + 2, little)) {
      case SHORT -> file.u16(at + 8, little);
      case LONG -> file.u32(at + 8, little);
      default -> 0;
    };
  }

  long width() {
    return width;
  }

  long height() {
    return height;
  }

  Orientation orientation() {
    return Orientation.of(orientation);
  }

  /**
   * Refuses what ImageIO would decode to other colours.
   *
   * @throws IOException saying what it is
   */
  void checkColours() throws IOException {
    if (photometric >= FIRST_LAB && photometric <= LAST_LAB) {
      throw new IOException("its colours are CIE L*a*b*: save it as RGB");
    }
    if (compression == JPEG && samples > 3) {
      throw new IOException(
          "its samples, more than three a pixel, are compressed as JPEG: save it with LZW or as"
              + " RGB");
    }
  }

  /** Whether the samples are inks: cyan, magenta, yellow and black. */
  boolean isInks() {
    return photometric == SEPARATED && samples == 4;
  }

  /** The colours that samples are indices of, as 0xRRGGBB; null if they are no indices. */
  int @Nullable [] palette() throws IOException {
    if (colours < 1 || colours > MOST_COLOURS) {
      return null;
    }
    int[] palette = new int[(int) colours];
    for (int i = 0; i < palette.length; i++) {
      for (int channel = 0; channel < 3; channel++) {
        int high = file.u16(colourMap + 2 * (channel * colours + i), little) >> 8;
        palette[i] = palette[i] << 8 | high;
      }
    }
    return palette;
  }

  /** What the EXIF data at a position says; nothing if it is damaged, as other readers have it. */
  static Orientation exif(ByteSource file, long start) {
    try {
      return read(file, start).orientation();
    } catch (IOException e) {
      return Orientation.AS_STORED;
    }
  }
}
