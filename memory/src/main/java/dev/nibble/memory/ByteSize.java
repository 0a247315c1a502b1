package dev.nibble.memory;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes in bytes as people write and read them. */
public final class ByteSize {
  private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  /** Bounded, so that a long text of digits is refused instead of computed with. */
  private static final Pattern SIZE =
      Pattern.compile("(\\d{1,19}(?:\\.\\d{1,9})?)\\s*([A-Za-z]{0,5})");

  private ByteSize() {}

  /**
   * Writes a size in the largest binary unit that it reaches, with at most one decimal (two below
   * ten): {@code 320 MiB}, {@code 1.71 GiB}, {@code 12 bytes}.
   *
   * @throws IllegalArgumentException if the size is negative
   */
  public static String format(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("A size can't be negative, but is " + bytes + ".");
    }
    if (bytes < 1024) {
      return bytes + (bytes == 1 ? " byte" : " bytes");
    }
    BigDecimal value = BigDecimal.valueOf(bytes);
    BigDecimal step = BigDecimal.valueOf(1024);
    int unit = 0;
    // Rounded before it is compared: 1023.99 MiB must become 1 GiB, not 1024 MiB.
    while (unit < UNITS.length - 1 && rounded(value).compareTo(step) >= 0) {
      value = value.divide(step);
      unit++;
    }
    return rounded(value).stripTrailingZeros().toPlainString() + " " + UNITS[unit];
  }

  private static BigDecimal rounded(BigDecimal value) {
    int decimals = value.compareTo(BigDecimal.TEN) < 0 ? 2 : 1;
    return value.setScale(decimals, RoundingMode.HALF_UP);
  }

  /**
   * Reads a size: a number, plain or with decimals, and a unit out of B, KB, MB, GB, TB (powers of
   * 1000), KiB, MiB, GiB, TiB (powers of 1024), in any case, with or without a space; without a
   * unit, bytes. A fraction of a byte is dropped.
   *
   * @throws IllegalArgumentException if the text is not a size or is 8 EiB or more
   */
  public static long parse(String text) {
    Matcher matcher = SIZE.matcher(text.strip());
    if (!matcher.matches()) {
      throw notASize(text);
    }
    BigDecimal bytes =
        new BigDecimal(matcher.group(1))
            .multiply(BigDecimal.valueOf(unit(matcher.group(2), text)))
            .setScale(0, RoundingMode.DOWN);
    if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw new IllegalArgumentException(
          "The size '" + text + "' is too large: give less than 8 EiB.");
    }
    return bytes.longValueExact();
  }

  private static long unit(String name, String text) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "", "b", "byte", "bytes" -> 1;
      case "kb" -> 1_000;
      case "mb" -> 1_000_000;
      case "gb" -> 1_000_000_000;
      case "tb" -> 1_000_000_000_000L;
      case "kib" -> 1L << 10;
      case "mib" -> 1L << 20;
      case "gib" -> 1L << 30;
      case "tib" -> 1L << 40;
      default -> throw notASize(text);
    };
  }

  private static IllegalArgumentException notASize(String text) {
    return new IllegalArgumentException(
        "'"
            + text
            + "' is not a size: give a number with KiB, MiB, GiB, KB, MB or GB, such as 512MiB, or"
            + " plain bytes.");
  }
}
