package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.storage.DataFile;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A table of text: a line a row, fields apart by commas, or by semicolons or tabs if the first line
 * has no comma; in quotes a field may hold these, line ends, and quotes written twice (RFC 4180).
 */
final class CsvFile {
  private static final long MOST_BYTES = 1 << 30;

  /**
   * A row.
   *
   * @param line where it begins, from 1
   * @param fields without blanks around them
   */
  record Row(int line, List<String> fields) {}

  private final Path path;
  private final String text;
  private final char separator;
  private int at;
  private int line = 1;

  private CsvFile(Path path, String text) {
    this.path = path;
    this.text = text;
    String first = text.lines().findFirst().orElse("");
    this.separator = first.indexOf(',') >= 0 ? ',' : first.indexOf(';') >= 0 ? ';' : '\t';
    this.at = text.startsWith("\uFEFF") ? 1 : 0; // the mark that some programs begin files with
  }

  /**
   * Reads all rows but empty ones.
   *
   * @throws DataException if the file cannot be read, or a quote is left open
   */
  static List<Row> read(Path path) {
    try {
      if (Files.size(path) > MOST_BYTES) {
        throw new DataException(path + " is too large for a table of labels (over 1 GiB).");
      }
      return new CsvFile(path, Files.readString(path)).rows();
    } catch (CharacterCodingException e) {
      throw new DataException(path + " is no text in UTF-8: save it so.", e);
    } catch (IOException e) {
      throw new DataException("Cannot read %s: %s.".formatted(path, DataFile.reason(e)), e);
    }
  }

  private List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    while (at < text.length()) {
      int begin = line;
      List<String> fields = row();
      if (fields.size() > 1 || !fields.getFirst().isEmpty()) {
        rows.add(new Row(begin, fields));
      }
    }
    return rows;
  }

  private List<String> row() {
    List<String> fields = new ArrayList<>();
    while (true) {
      fields.add(field());
      char end = at < text.length() ? text.charAt(at++) : '\n';
      if (end == '\r' && at < text.length() && text.charAt(at) == '\n') {
        at++;
      }
      if (end != separator) {
        line++;
        return fields;
      }
    }
  }

  private boolean ends(int place) {
    char letter = text.charAt(place);
    return letter == separator || letter == '\n' || letter == '\r';
  }

  private String field() {
    while (at < text.length() && !ends(at) && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
    if (at < text.length() && text.charAt(at) == '"') {
      return quoted();
    }
    int from = at;
    while (at < text.length() && !ends(at)) {
      at++;
    }
    return text.substring(from, at).strip();
  }

  private String quoted() {
    int begin = line;
    StringBuilder field = new StringBuilder();
    for (at++; at < text.length(); at++) {
      char letter = text.charAt(at);
      if (letter == '"') {
        boolean twice = at + 1 < text.length() && text.charAt(at + 1) == '"';
        if (!twice) {
          at++;
          while (at < text.length() && !ends(at)) {
            if (!Character.isWhitespace(text.charAt(at++))) {
              throw new DataException(
                  "%s, line %d: there is something behind a closing quote.".formatted(path, line));
            }
          }
          return field.toString().strip();
        }
        at++;
      }
      line += letter == '\n' ? 1 : 0;
      field.append(letter);
    }
    throw new DataException("%s, line %d: a quote is never closed.".formatted(path, begin));
  }
}
