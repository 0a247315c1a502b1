package dev.nibble.samples;

import java.util.List;
import java.util.Locale;

/** Reads names out of a fixed list, in any case, with a suggestion where one is misspelt. */
final class Names {
  private Names() {}

  /**
   * The name as it stands in the list.
   *
   * @throws BadInputException if there is none like it, with the nearest one as a suggestion
   */
  static String choose(String option, String text, List<String> names) {
    String wanted = text.strip().toLowerCase(Locale.ROOT);
    if (names.contains(wanted)) {
      return wanted;
    }
    String nearest = nearest(wanted, names);
    String hint = nearest.isEmpty() ? "" : "did you mean " + nearest + "? ";
    throw new BadInputException(
        "%s can't be '%s': %schoose one of %s."
            .formatted(option, text, hint, String.join(", ", names)));
  }

  /** The name that takes the fewest changes, at most two; empty if none is that near. */
  static String nearest(String wanted, List<String> names) {
    String nearest = "";
    int least = 3;
    for (String name : names) {
      int distance = distance(wanted, name);
      if (distance < least) {
        least = distance;
        nearest = name;
      }
    }
    return nearest;
  }

  /** Letters to insert, delete or replace to make one of the other. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replace = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replace, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
