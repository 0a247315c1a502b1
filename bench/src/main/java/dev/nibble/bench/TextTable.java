package dev.nibble.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * Columns of text, as wide as they need to be: the first ones to the left, figures to the right.
 */
final class TextTable {
  private final List<List<String>> rows = new ArrayList<>();
  private final int left;

  /**
   * Starts a table.
   *
   * @param left columns, from the first one on, that are set to the left
   */
  TextTable(int left, String... headers) {
    this.left = left;
    rows.add(List.of(headers));
  }

  /** Adds a line of as many cells as there are headers. */
  void add(String... cells) {
    if (cells.length != rows.getFirst().size()) {
      throw new IllegalArgumentException(
          "The table has " + rows.getFirst().size() + " columns, not " + cells.length);
    }
    rows.add(List.of(cells));
  }

  boolean isEmpty() {
    return rows.size() == 1;
  }

  /** The lines, each indented by two spaces. */
  List<String> lines() {
    int columns = rows.getFirst().size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int c = 0; c < columns; c++) {
        widths[c] = Math.max(widths[c], row.get(c).length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String space = " ".repeat(widths[c] - row.get(c).length());
        line.append("  ").append(c < left ? row.get(c) + space : space + row.get(c));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}
