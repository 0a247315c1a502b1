package dev.nibble.bench.page;

import java.util.ArrayList;
import java.util.List;

/** A page of GitHub's Markdown, line by line. */
final class Markdown {
  private final List<String> lines = new ArrayList<>();

  /** A heading of the second level. */
  void heading(String text) {
    lines.add("## " + text);
    lines.add("");
  }

  /** A paragraph. */
  void text(String text) {
    lines.add(text);
    lines.add("");
  }

  /** What was typed, as code. */
  void command(String... commands) {
    for (String command : commands) {
      lines.add("    " + command);
    }
    lines.add("");
  }

  /** Opens a part that the reader unfolds. */
  void fold(String summary) {
    text("<details><summary>" + summary + "</summary>");
  }

  /** Closes it. */
  void unfold() {
    text("</details>");
  }

  /** A table; columns from the second on are figures unless their header starts with a space. */
  Table table(String... headers) {
    return new Table(headers);
  }

  /** The page. */
  @Override
  public String toString() {
    return String.join("\n", lines).stripTrailing() + "\n";
  }

  /** Rows that are written when the table is done. */
  final class Table {
    private final int columns;
    private final List<String> rows = new ArrayList<>();

    private Table(String... headers) {
      this.columns = headers.length;
      StringBuilder rule = new StringBuilder("|---|");
      for (int c = 1; c < columns; c++) {
        rule.append(headers[c].startsWith(" ") ? "---|" : "---:|");
      }
      row(headers);
      rows.add(rule.toString());
    }

    /** Adds a row of as many cells as there are headers. */
    Table row(String... cells) {
      if (cells.length != columns) {
        throw new IllegalArgumentException(
            "The table has " + columns + " columns, not " + cells.length);
      }
      StringBuilder row = new StringBuilder("|");
      for (String cell : cells) {
        // A bar in a cell would end it.
        row.append(' ').append(cell.strip().replace("|", "\\|")).append(" |");
      }
      rows.add(row.toString());
      return this;
    }

    /** Writes the table to the page. */
    void done() {
      lines.addAll(rows);
      lines.add("");
    }
  }
}
