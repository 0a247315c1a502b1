package dev.nibble.engine.json;

/** JSON's grammar of numbers: -?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)? */
final class NumberGrammar {
  private NumberGrammar() {}

  /** Returns where the number that begins at start ends, or -1 if none begins there. */
  static int end(String text, int start) {
    int i = start;
    if (at(text, i) == '-') {
      i++;
    }
    if (at(text, i) == '0') {
      i++;
    } else {
      i = digits(text, i);
    }
    if (i >= 0 && at(text, i) == '.') {
      i = digits(text, i + 1);
    }
    if (i >= 0 && (at(text, i) == 'e' || at(text, i) == 'E')) {
      i++;
      if (at(text, i) == '+' || at(text, i) == '-') {
        i++;
      }
      i = digits(text, i);
    }
    return i;
  }

  /** Skips one digit or more; -1 if there is none. */
  private static int digits(String text, int start) {
    int i = start;
    while (at(text, i) >= '0' && at(text, i) <= '9') {
      i++;
    }
    return i == start ? -1 : i;
  }

  private static char at(String text, int i) {
    return i < text.length() ? text.charAt(i) : '\0';
  }
}
