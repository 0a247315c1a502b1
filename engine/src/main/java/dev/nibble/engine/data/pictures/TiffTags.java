package dev.nibble.engine.data.pictures;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** The first directory of a TIFF structure: that of a TIFF file, or of the EXIF data in others. */
final class TiffTags {
  private static final int ORIENTATION = 274;
  private static final int BYTE = 1;
  private static final int SHORT = 3;
  private static final int LONG = 4;

  private final ByteSource file;
  private final boolean little;
  private final long start;
  private final Map<Integer, Long> entries = new HashMap<>();

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
    for (int i = 0; i < count; i++) {
      long entry = at + 2 + 12L * i;
      tags.entries.putIfAbsent(file.u16(entry, little), entry);
    }
    return tags;
  }

  private int type(long entry) throws IOException {
    return file.u16(entry + 2, little);
  }

  private int bytesEach(long entry) throws IOException {
    return switch (type(entry)) {
      case BYTE -> 1;
      case SHORT -> 2;
      case LONG -> 4;
      default -> 0;
    };
  }

  /** How many whole numbers a tag has; 0 if it is missing or holds something else. */
  long count(int tag) throws IOException {
    Long entry = entries.get(tag);
    return entry == null || bytesEach(entry) == 0 ? 0 : file.u32(entry + 4, little);
  }

  /** Where the first of a tag's numbers stands; the tag has some. */
  long position(int tag) throws IOException {
    long entry = entries.getOrDefault(tag, 0L);
    boolean isInline = count(tag) * bytesEach(entry) <= 4;
    return isInline ? entry + 8 : start + file.u32(entry + 8, little);
  }

  /** A tag's number; 0 if it has no such one. */
  long value(int tag, long index) throws IOException {
    if (index >= count(tag)) {
      return 0;
    }
    int bytes = bytesEach(entries.getOrDefault(tag, 0L));
    long at = position(tag) + index * bytes;
    return switch (bytes) {
      case 1 -> file.u8(at);
      case 2 -> file.u16(at, little);
      default -> file.u32(at, little);
    };
  }

  /** A tag's first number; 0 if it is missing. */
  long value(int tag) throws IOException {
    return value(tag, 0);
  }

  boolean isLittleEndian() {
    return little;
  }

  Orientation orientation() throws IOException {
    return Orientation.of(value(ORIENTATION));
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
