package dev.nibble.samples.serve;

import java.text.Normalizer;
import java.util.Collection;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What may be a label: printable Unicode, in the composed form (NFC), so that a word is one label
 * however its letters were typed. A name of a class that is there already may always be.
 */
final class Labels {
  /** Characters of a new label, at most; as UTF-8 they have no more than four bytes each. */
  static final int MOST_CHARACTERS = 64;

  /** Bytes of a label in UTF-8, at most. */
  static final int MOST_BYTES = 4 * MOST_CHARACTERS;

  private static final int ZERO_WIDTH_NON_JOINER = 0x200C;
  private static final int ZERO_WIDTH_JOINER = 0x200D;

  /** What a decoder leaves where the bytes were no UTF-8. */
  private static final int REPLACEMENT = 0xFFFD;

  private Labels() {}

  /** The form in which labels are kept and compared. */
  static String composed(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFC);
  }

  /**
   * The label that a client gave.
   *
   * @param known names of classes that are taken as they are
   * @throws HttpProblem if it is none
   */
  static String of(@Nullable String text, Collection<String> known) {
    if (text == null) {
      throw refused("The label is missing: give one, such as ?label=cat.");
    }
    String whole = composed(text);
    if (known.stream().anyMatch(name -> composed(name).equals(whole))
        && ExampleRecord.labelBytes(whole) <= MOST_BYTES) {
      return whole;
    }
    String label = stripped(whole);
    if (label.isEmpty()) {
      throw refused("The label is empty: give 1 to " + MOST_CHARACTERS + " characters.");
    }
    int count = label.codePointCount(0, label.length());
    if (count > MOST_CHARACTERS) {
      throw refused(
          String.format(
              Locale.ROOT,
              "The label has %d characters, more than %d: give a shorter one.",
              count,
              MOST_CHARACTERS));
    }
    checkPrintable(label);
    return label;
  }

  /** Without the spaces around it, of whatever width. */
  private static String stripped(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isSpace(text.charAt(from))) {
      from++;
    }
    while (to > from && isSpace(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isSpace(char sign) {
    return sign == ' ' || Character.getType(sign) == Character.SPACE_SEPARATOR;
  }

  private static void checkPrintable(String label) {
    boolean isSeen = false;
    int[] signs = label.codePoints().toArray();
    for (int i = 0; i < signs.length; i++) {
      int sign = signs[i];
      // Between others these two shape letters and emoji; alone they are nothing.
      boolean joins = sign == ZERO_WIDTH_JOINER || sign == ZERO_WIDTH_NON_JOINER;
      if (joins ? i == 0 || i == signs.length - 1 : !isPrintable(sign)) {
        throw refused(
            String.format(
                Locale.ROOT,
                "The label holds U+%04X, which is no printable character%s: leave it out.",
                sign,
                sign == REPLACEMENT ? " (or the label was not sent as UTF-8)" : ""));
      }
      isSeen |= !joins && isSeenAlone(sign);
    }
    if (!isSeen) {
      throw refused("The label shows nothing, only accents or spaces: give letters or digits.");
    }
  }

  private static boolean isPrintable(int sign) {
    return sign != REPLACEMENT
        && switch (Character.getType(sign)) {
          case Character.CONTROL,
              Character.FORMAT,
              Character.SURROGATE,
              Character.PRIVATE_USE,
              Character.UNASSIGNED,
              Character.LINE_SEPARATOR,
              Character.PARAGRAPH_SEPARATOR ->
              false;
          default -> true;
        };
  }

  private static boolean isSeenAlone(int sign) {
    return switch (Character.getType(sign)) {
      case Character.NON_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.COMBINING_SPACING_MARK,
          Character.SPACE_SEPARATOR ->
          false;
      default -> true;
    };
  }

  private static HttpProblem refused(String sentence) {
    return new HttpProblem(HttpProblem.BAD_REQUEST, sentence);
  }
}
