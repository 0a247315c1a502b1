package dev.nibble.engine.data.pictures;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What the markers of a JPEG file say: size, components, and whose conventions its colours follow.
 */
final class JpegFile {
  static final int NO_ADOBE = -1;

  private static final int SOF0 = 0xC0;
  private static final int SOF2 = 0xC2;
  private static final int SOF15 = 0xCF;
  private static final int DHT = 0xC4;
  private static final int JPG = 0xC8;
  private static final int DAC = 0xCC;
  private static final int RST0 = 0xD0;
  private static final int SOI = 0xD8;
  private static final int EOI = 0xD9;
  private static final int SOS = 0xDA;
  private static final int APP0 = 0xE0;
  private static final int APP1 = 0xE1;
  private static final int APP14 = 0xEE;
  private static final int APP15 = 0xEF;
  private static final int COM = 0xFE;
  private static final int TEM = 0x01;

  /** Bytes behind a picture that cost nothing. */
  private static final int TAIL = 2048;

  /** A component: its number, and how many samples it has across and down, as shares. */
  record Component(int id, int across, int down) {}

  private int height;
  private int width;
  private Component @Nullable [] components;
  private boolean progressive;
  private boolean jfif;
  private int adobe = NO_ADOBE;
  private Orientation orientation = Orientation.AS_STORED;

  private JpegFile() {}

  /**
   * Reads the markers before the first scan.
   *
   * @throws IOException if there is no picture in the file
   */
  static JpegFile read(ByteSource file) throws IOException {
    JpegFile jpeg = new JpegFile();
    long at = 2;
    while (true) {
      at = marker(file, at);
      int code = file.u8(at + 1);
      if (code == SOS) {
        break;
      }
      if (code == EOI) {
        throw new IOException("it holds no picture");
      }
      at += 2;
      if (!isAlone(code)) {
        int length = length(file, at);
        jpeg.segment(file, code, at + 2, length - 2);
        at += length;
      }
    }
    if (jpeg.components == null) {
      throw new IOException("it says nothing of its size");
    }
    return jpeg;
  }

  /** The position of the next marker's last 0xFF: any number of them may stand before its code. */
  private static long marker(ByteSource file, long from) throws IOException {
    long at = from;
    if (file.u8(at) != 0xFF) {
      throw new IOException("its markers are damaged");
    }
    while (file.u8(at + 1) == 0xFF) {
      at++;
    }
    return at;
  }

  private static boolean isAlone(int code) {
    return code == TEM || (code >= RST0 && code <= SOI);
  }

  private static int length(ByteSource file, long at) throws IOException {
    int length = file.u16(at, false);
    if (length < 2 || at + length > file.length()) {
      throw new IOException("its markers are damaged");
    }
    return length;
  }

  private void segment(ByteSource file, int code, long at, int length) throws IOException {
    if (code >= SOF0 && code <= SOF15 && code != DHT && code != JPG && code != DAC) {
      checkCoding(code);
      frame(file, at, length);
      progressive = code == SOF2;
    } else if (code == APP0 && length >= 14 && file.isAt(at, "JFIF\0")) {
      jfif = true;
    } else if (code == APP14 && length >= 12 && file.isAt(at, "Adobe")) {
      adobe = file.u8(at + 11);
    } else if (code == APP1 && length > 6 && file.isAt(at, "Exif\0\0")) {
      orientation = TiffTags.exif(file, at + 6);
    }
  }

  /** The decoder knows Huffman's codes of cosine transforms only: SOF0 to SOF2. */
  private static void checkCoding(int code) throws IOException {
    if (code > SOF2) {
      throw new IOException(
          code > JPG
              ? "it is coded arithmetically, which is not supported: save it as a usual JPEG"
              : "it is a lossless or hierarchical JPEG, which is not supported: save it as PNG");
    }
  }

  private void frame(ByteSource file, long at, int length) throws IOException {
    int count = length < 6 ? 0 : file.u8(at + 5);
    if ((count != 1 && count != 3 && count != 4) || length < 6 + 3 * count || components != null) {
      throw new IOException("it has %d components, not 1, 3 or 4".formatted(count));
    }
    if (file.u8(at) != 8) {
      throw new IOException(
          "its samples have %d bits, not 8: save it as PNG".formatted(file.u8(at)));
    }
    height = file.u16(at + 1, false);
    width = file.u16(at + 3, false);
    if (height == 0 || width == 0) {
      throw new IOException("it says nothing of its size");
    }
    Component[] all = new Component[count];
    for (int i = 0; i < count; i++) {
      long entry = at + 6 + 3L * i;
      int sampling = file.u8(entry + 1);
      all[i] = new Component(file.u8(entry), sampling >> 4, sampling & 15);
    }
    components = all;
  }

  /**
   * The file without its application's markers: what they say is in this object, and the decoder
   * shall not act on it.
   *
   * @throws IOException if the file ends before the picture does
   */
  static byte[] bare(byte[] file, long mostScanPixels, long pixels) throws IOException {
    ByteSource source = ByteSource.of(file);
    ByteArrayOutputStream bare = new ByteArrayOutputStream(file.length + 2);
    bare.write(file, 0, 2);
    long scanPixels = 0;
    int at = 2;
    while (true) {
      at = (int) marker(source, at);
      int code = source.u8(at + 1);
      if (code == EOI) {
        bare.write(file, at, 2);
        return bare.toByteArray();
      }
      int end = at + 2 + (isAlone(code) ? 0 : length(source, at + 2));
      if (code == SOS) {
        scanPixels += pixels;
        if (scanPixels > mostScanPixels) {
          throw new IOException("it has far more scans than a picture needs");
        }
        end = (int) endOfScan(source, end);
      }
      if (!(code >= APP0 && code <= APP15) && code != COM) {
        bare.write(file, at, end - at);
      }
      at = end;
    }
  }

  /**
   * Checks that a file holds the end of its picture. Its last bytes tell it mostly; only where
   * others stand behind the picture are all markers looked at.
   */
  static void checkEnd(ByteSource file) throws IOException {
    for (long at = file.length() - 2; at >= Math.max(2, file.length() - TAIL); at--) {
      if (file.u8(at) == 0xFF && file.u8(at + 1) == EOI) {
        return;
      }
    }
    for (long at = marker(file, 2); file.u8(at + 1) != EOI; at = marker(file, at)) {
      int code = file.u8(at + 1);
      at += 2 + (isAlone(code) ? 0 : length(file, at + 2));
      if (code == SOS) {
        at = endOfScan(file, at);
      }
    }
  }

  /** Behind a scan's data, in which 0xFF stands only before 0 or a restart's number. */
  private static long endOfScan(ByteSource file, long from) throws IOException {
    for (long at = from; at + 1 < file.length(); at++) {
      if (file.at(at) == 0xFF) {
        int next = file.at(at + 1);
        if (next != 0 && next != 0xFF && !(next >= RST0 && next < SOI)) {
          return at;
        }
      }
    }
    throw new IOException(PictureReader.CUT);
  }

  int height() {
    return height;
  }

  int width() {
    return width;
  }

  Component[] components() {
    Component[] all = components;
    if (all == null) {
      throw new IllegalStateException("No frame was read");
    }
    return all;
  }

  boolean isProgressive() {
    return progressive;
  }

  boolean hasJfif() {
    return jfif;
  }

  /** The colour transform that an Adobe marker names, or {@link #NO_ADOBE}. */
  int adobe() {
    return adobe;
  }

  Orientation orientation() {
    return orientation;
  }
}
