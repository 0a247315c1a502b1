package dev.nibble.engine.data.pictures;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The kinds of picture files, told by their first bytes; a file's name does not matter. */
public enum PictureFormat {
  /** Baseline and progressive. */
  JPEG,
  /** All of it. */
  PNG,
  /** The first frame. */
  GIF,
  /** Windows' and OS/2's. */
  BMP,
  /** The first page. */
  TIFF,
  /** The first frame; only where a library that reads it is there. */
  WEBP;

  /** What the names of such files end with, in lower case. */
  public static final List<String> SUFFIXES =
      List.of(".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp");

  /** What is read, for messages. */
  static final String NAMES = "JPEG, PNG, GIF, BMP, TIFF or WebP";

  /** Whether a file is called like a picture. */
  public static boolean isNamedSo(String file) {
    String name = file.toLowerCase(Locale.ROOT);
    return SUFFIXES.stream().anyMatch(name::endsWith);
  }

  /**
   * The kind of a file; null if it is none of these.
   *
   * @throws IOException if the file cannot be read
   */
  public static @Nullable PictureFormat of(ByteSource file) throws IOException {
    if (file.isAt(0, "\u00FF\u00D8\u00FF")) {
      return JPEG;
    }
    if (file.isAt(0, "\u0089PNG\r\n\u001A\n")) {
      return PNG;
    }
    if (file.isAt(0, "GIF87a") || file.isAt(0, "GIF89a")) {
      return GIF;
    }
    if (file.isAt(0, "II*\0") || file.isAt(0, "MM\0*")) {
      return TIFF;
    }
    if (file.isAt(0, "RIFF") && file.isAt(8, "WEBP")) {
      return WEBP;
    }
    return file.isAt(0, "BM") ? BMP : null;
  }

  /** What a file of none of these is, where it is often taken for one of them; or nothing. */
  static String relative(ByteSource file) throws IOException {
    if (file.isAt(0, "II+\0") || file.isAt(0, "MM\0+")) {
      return ", but BigTIFF";
    }
    return file.isAt(4, "ftyp") ? ", but HEIC, AVIF or a film" : "";
  }

  /** The name by which ImageIO knows it. */
  String decoderName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
