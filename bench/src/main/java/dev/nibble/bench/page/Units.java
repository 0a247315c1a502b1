package dev.nibble.bench.page;

import java.util.Locale;

/** Figures with three digits and their unit; a dash where there is none. */
final class Units {
  static final String NONE = "-";

  private static final double MIB = 1024 * 1024;

  private Units() {}

  /** Three digits. */
  static String digits(double value) {
    if (!Double.isFinite(value)) {
      return NONE;
    }
    double size = Math.abs(value);
    String form = size >= 99.95 ? "%,.0f" : size >= 9.995 ? "%.1f" : "%.2f";
    return String.format(Locale.ROOT, form, value);
  }

  /** A time. */
  static String time(double seconds) {
    if (!Double.isFinite(seconds)) {
      return NONE;
    }
    if (seconds >= 0.9995) {
      return digits(seconds) + " s";
    }
    return seconds >= 0.9995e-3 ? digits(1e3 * seconds) + " ms" : digits(1e6 * seconds) + " µs";
  }

  /** A share in whole percent. */
  static String percent(double share) {
    return Double.isFinite(share) ? String.format(Locale.ROOT, "%.0f %%", 100 * share) : NONE;
  }

  /** A ratio with two decimals. */
  static String ratio(double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, "%.2f", value) : NONE;
  }

  /** Bytes. */
  static String bytes(double bytes) {
    if (!Double.isFinite(bytes)) {
      return NONE;
    }
    if (bytes < 1023.5) {
      return String.format(Locale.ROOT, "%.0f B", bytes);
    }
    return bytes < MIB ? digits(bytes / 1024) + " KiB" : digits(bytes / MIB) + " MiB";
  }

  /** MiB. */
  static String mib(double mib) {
    if (!Double.isFinite(mib)) {
      return NONE;
    }
    return mib < 9.95
        ? String.format(Locale.ROOT, "%.1f MiB", mib)
        : String.format(Locale.ROOT, "%,.0f MiB", mib);
  }

  /** MiB, or GiB from there on. */
  static String gib(double mib) {
    return mib < 1023.5 ? mib(mib) : digits(mib / 1024) + " GiB";
  }
}
