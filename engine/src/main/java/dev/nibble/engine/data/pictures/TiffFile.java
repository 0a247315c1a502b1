package dev.nibble.engine.data.pictures;

import java.io.EOFException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The first page of a TIFF file: what its tags say that ImageIO does not see to. */
final class TiffFile {
  private static final int WIDTH = 256;
  private static final int HEIGHT = 257;
  private static final int BITS = 258;
  private static final int COMPRESSION = 259;
  private static final int PHOTOMETRIC = 262;
  private static final int STRIPS = 273;
  private static final int SAMPLES = 277;
  private static final int STRIP_BYTES = 279;
  private static final int PREDICTOR = 317;
  private static final int COLOUR_MAP = 320;
  private static final int TILE_WIDTH = 322;
  private static final int TILES = 324;
  private static final int TILE_BYTES = 325;
  private static final int SAMPLE_FORMAT = 339;

  private static final int LZW = 5;
  private static final int JPEG = 7;
  private static final int ZIP = 8;
  private static final int PACK_BITS = 32773;
  private static final int OLD_ZIP = 32946;
  private static final int SEPARATED = 5;

  /** Cielab and its relatives. */
  private static final int FIRST_LAB = 8;

  private static final int LAST_LAB = 10;
  private static final int SIGNED = 2;
  private static final int FLOATING = 3;
  private static final int DIFFERENCES = 2;
  private static final int MOST_COLOURS = 1 << 8;

  private final ByteSource file;
  private final TiffTags tags;

  private TiffFile(ByteSource file, TiffTags tags) {
    this.file = file;
    this.tags = tags;
  }

  /**
   * Reads its tags.
   *
   * @throws IOException if they are damaged
   */
  static TiffFile read(ByteSource file) throws IOException {
    return new TiffFile(file, TiffTags.read(file, 0));
  }

  long width() throws IOException {
    return tags.value(WIDTH);
  }

  long height() throws IOException {
    return tags.value(HEIGHT);
  }

  Orientation orientation() throws IOException {
    return tags.orientation();
  }

  /**
   * Refuses what ImageIO would not decode, or to other colours.
   *
   * @throws IOException saying what it is
   */
  void checkKind() throws IOException {
    long photometric = tags.value(PHOTOMETRIC);
    if (photometric >= FIRST_LAB && photometric <= LAST_LAB) {
      throw new IOException("its colours are CIE L*a*b*: save it as RGB");
    }
    long format = tags.value(SAMPLE_FORMAT);
    if (format == FLOATING) {
      throw new IOException("its samples are floating-point numbers");
    }
    if (tags.value(BITS) > 16) {
      throw new IOException("its samples have more than 16 bits");
    }
    if (format == SIGNED) {
      throw new IOException("its samples are signed numbers");
    }
    long compression = tags.value(COMPRESSION);
    if (compression == JPEG && tags.value(SAMPLES) > 3) {
      throw new IOException(
          "its samples, more than three a pixel, are compressed as JPEG: save it with LZW or as"
              + " RGB");
    }
    if (!isDecoded(compression)) {
      throw new IOException(
          "its compression, %s, is not supported: save it with LZW".formatted(name(compression)));
    }
  }

  private static boolean isDecoded(long compression) {
    // Below: none, those of faxes, LZW, two of JPEG; without the tag, none.
    return compression <= ZIP || compression == PACK_BITS || compression == OLD_ZIP;
  }

  private static String name(long compression) {
    return switch ((int) compression) {
      case 34712 -> "JPEG 2000";
      case 34925 -> "LZMA";
      case 50000 -> "Zstandard";
      case 50001 -> "WebP";
      default -> "number " + compression;
    };
  }

  /**
   * Checks that the file holds all strips or tiles.
   *
   * @throws EOFException if it does not
   */
  void checkEnd() throws IOException {
    checkParts(STRIPS, STRIP_BYTES);
    checkParts(TILES, TILE_BYTES);
  }

  private void checkParts(int offsets, int lengths) throws IOException {
    long count = tags.count(offsets);
    for (long i = 0; i < count; i++) {
      if (tags.value(offsets, i) + tags.value(lengths, i) > file.length()) {
        throw new EOFException();
      }
    }
  }

  /** Whether the samples are inks: cyan, magenta, yellow and black. */
  boolean isInks() throws IOException {
    return tags.value(PHOTOMETRIC) == SEPARATED && tags.value(SAMPLES) == 4;
  }

  /** The colours that samples are indices of, as 0xRRGGBB; null if they are no indices. */
  int @Nullable [] palette() throws IOException {
    long colours = tags.count(COLOUR_MAP) / 3;
    if (colours < 1 || colours > MOST_COLOURS) {
      return null;
    }
    int[] palette = new int[(int) colours];
    for (int i = 0; i < palette.length; i++) {
      for (int channel = 0; channel < 3; channel++) {
        int high = (int) tags.value(COLOUR_MAP, channel * colours + i) >> 8;
        palette[i] = palette[i] << 8 | high;
      }
    }
    return palette;
  }

  /** Whether samples of 16 bits are differences from those before, which ImageIO does not add. */
  boolean isDifferences() throws IOException {
    long compression = tags.value(COMPRESSION);
    return tags.value(PREDICTOR) == DIFFERENCES
        && tags.value(BITS) == 16
        && (compression == LZW || compression == ZIP || compression == OLD_ZIP);
  }

  /** Columns after which differences start anew: a tile's, or the picture's. */
  int differencesEnd() throws IOException {
    long tile = tags.value(TILE_WIDTH);
    return (int) (tile > 0 ? Math.min(tile, width()) : width());
  }

  /** Whether 0 is white, by which ImageIO turns samples around. */
  boolean isInverted() throws IOException {
    return tags.value(PHOTOMETRIC) == 0;
  }

  /** The file, with differences that ImageIO does not add called samples. */
  byte[] bare(byte[] bytes) throws IOException {
    if (!isDifferences()) {
      return bytes;
    }
    byte[] bare = bytes.clone();
    int at = (int) tags.position(PREDICTOR);
    bare[tags.isLittleEndian() ? at : at + 1] = 1;
    return bare;
  }
}
