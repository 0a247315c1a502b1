package dev.nibble.kernels.cublas;

import java.util.Locale;

/** Sizes of device memory as people read them. */
final class DeviceSize {
  private static final String[] UNITS = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  private DeviceSize() {}

  /** In the largest binary unit that it reaches, with one decimal: {@code 79.1 GiB}. */
  static String format(long bytes) {
    if (bytes < 1024) {
      return bytes + (bytes == 1 ? " byte" : " bytes");
    }
    double value = bytes / 1024.0;
    int unit = 0;
    // Compared as it will be rounded: 1023.99 MiB must become 1 GiB, not 1024 MiB.
    while (unit < UNITS.length - 1 && value >= 1023.95) {
      value /= 1024;
      unit++;
    }
    String text = String.format(Locale.ROOT, "%.1f", value);
    return (text.endsWith(".0") ? text.substring(0, text.length() - 2) : text) + " " + UNITS[unit];
  }
}
