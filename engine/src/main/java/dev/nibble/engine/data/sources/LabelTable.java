package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.storage.PictureLabels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A CSV file of pictures and what is told of them. Its first line names the columns: {@code file},
 * maybe {@code split}, and {@code label} (classification), {@code labels} (any number of them,
 * apart by | or blanks), a column of 0 and 1 a label, or columns of numbers.
 */
final class LabelTable {
  private static final Set<String> FILE =
      Set.of("file", "filename", "file_name", "path", "image", "picture");

  private static final Set<String> LABEL =
      Set.of("label", "class", "class_name", "classname", "category", "target");

  private static final Set<String> LABELS =
      Set.of("labels", "label", "classes", "categories", "tags", "targets");

  private static final Map<String, Part> PARTS =
      Map.of(
          "train", Part.TRAIN,
          "training", Part.TRAIN,
          "val", Part.VALIDATION,
          "valid", Part.VALIDATION,
          "validation", Part.VALIDATION,
          "test", Part.TEST);

  /** What a picture is for. */
  enum Part {
    TRAIN,
    VALIDATION,
    TEST
  }

  /**
   * A picture.
   *
   * @param line where it stands
   * @param file as it stands there
   * @param part null if nothing says so
   * @param targets a number for each name
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Entry(int line, String file, @Nullable Part part, float[] targets) {}

  private final Path path;
  private final Task task;
  private final List<String> names;
  private final Map<String, Integer> places = new HashMap<>();
  private final List<Entry> entries = new ArrayList<>();

  private LabelTable(Path path, Task task, List<String> names) {
    this.path = path;
    this.task = task;
    this.names = PictureLabels.checkNames(names);
    for (int i = 0; i < names.size(); i++) {
      places.put(names.get(i), i);
    }
  }

  /**
   * Reads a file.
   *
   * @throws DataException if it cannot be read or does not fit the task, saying which line
   */
  static LabelTable read(Path path, Task task) {
    List<CsvFile.Row> rows = CsvFile.read(path);
    if (rows.size() < 2) {
      throw new DataException(path + " names no pictures: write a line for each below the first.");
    }
    List<String> head = rows.getFirst().fields();
    int file = -1;
    int split = -1;
    List<Integer> columns = new ArrayList<>();
    for (int i = 0; i < head.size(); i++) {
      String name = head.get(i).toLowerCase(Locale.ROOT);
      if (file < 0 && FILE.contains(name)) {
        file = i;
      } else if (split < 0 && name.equals("split")) {
        split = i;
      } else {
        columns.add(i);
      }
    }
    boolean listed = isListed(head, columns, task);
    if (file < 0 || !isKnown(rows, columns, listed, task)) {
      throw new DataException(
          "%s: the first line must name the columns, such as '%s', not '%s'; %s."
              .formatted(path, example(task), String.join(",", head), expected(task)));
    }
    List<String> names =
        listed
            ? List.copyOf(labels(rows, columns.getFirst(), task))
            : columns.stream().map(head::get).toList();
    if (names.isEmpty()) {
      throw new DataException("%s has no labels in any line.".formatted(path));
    }
    LabelTable table = new LabelTable(path, task, names);
    Set<String> seen = new HashSet<>();
    for (CsvFile.Row row : rows.subList(1, rows.size())) {
      table.requireWidth(row, head.size());
      String name = row.fields().get(file);
      if (name.isEmpty() || !seen.add(name)) {
        throw table.fault(
            row.line(),
            name.isEmpty() ? "there is no file" : "the file '%s' is there twice".formatted(name));
      }
      Part part = split < 0 ? null : table.part(row, row.fields().get(split));
      float[] targets = listed ? table.marks(row, columns.getFirst()) : table.numbers(row, columns);
      table.entries.add(new Entry(row.line(), name, part, targets));
    }
    return table;
  }

  /** Whether one column holds labels by their names. */
  private static boolean isListed(List<String> head, List<Integer> columns, Task task) {
    if (task == Task.REGRESSION || columns.size() != 1) {
      return false;
    }
    String name = head.get(columns.getFirst()).toLowerCase(Locale.ROOT);
    return (task == Task.CLASSIFICATION ? LABEL : LABELS).contains(name);
  }

  /** Whether the headings are such as the task has. */
  private static boolean isKnown(
      List<CsvFile.Row> rows, List<Integer> columns, boolean listed, Task task) {
    return switch (task) {
      case CLASSIFICATION -> listed;
      case MULTI_LABEL ->
          listed || columns.size() > 1 || (columns.size() == 1 && isNumbers(rows, columns));
      case REGRESSION -> !columns.isEmpty();
    };
  }

  /** Whether the only column may be that of one label, which its heading names. */
  private static boolean isNumbers(List<CsvFile.Row> rows, List<Integer> columns) {
    int column = columns.getFirst();
    return rows.stream()
        .skip(1)
        .filter(row -> column < row.fields().size())
        .noneMatch(row -> Float.isNaN(number(row.fields().get(column))));
  }

  private static String expected(Task task) {
    return switch (task) {
      case CLASSIFICATION -> "the class of a picture stands under label or class";
      case MULTI_LABEL ->
          "labels by name stand under labels, and each other heading is a label with 0 or 1 below"
              + " it";
      case REGRESSION -> "each other heading names numbers";
    };
  }

  private static String example(Task task) {
    return switch (task) {
      case CLASSIFICATION -> "file,label";
      case MULTI_LABEL -> "file,labels";
      case REGRESSION -> "file,value";
    };
  }

  private static Set<String> labels(List<CsvFile.Row> rows, int column, Task task) {
    Set<String> names = new TreeSet<>();
    for (CsvFile.Row row : rows.subList(1, rows.size())) {
      if (column < row.fields().size()) {
        names.addAll(parts(row.fields().get(column), task));
      }
    }
    return names;
  }

  private static List<String> parts(String text, Task task) {
    if (task == Task.CLASSIFICATION) {
      return text.isEmpty() ? List.of() : List.of(text);
    }
    List<String> parts = new ArrayList<>();
    for (String part : text.split(text.indexOf('|') >= 0 ? "\\|" : "\\s+", -1)) {
      if (!part.isBlank()) {
        parts.add(part.strip());
      }
    }
    return parts;
  }

  private void requireWidth(CsvFile.Row row, int width) {
    if (row.fields().size() != width) {
      throw fault(row.line(), "there are %d fields, not %d".formatted(row.fields().size(), width));
    }
  }

  private Part part(CsvFile.Row row, String text) {
    Part part = PARTS.get(text.toLowerCase(Locale.ROOT));
    if (part == null) {
      throw fault(row.line(), "the split is '%s', give train, val or test".formatted(text));
    }
    return part;
  }

  private float[] marks(CsvFile.Row row, int column) {
    float[] marks = new float[names.size()];
    List<String> labels = parts(row.fields().get(column), task);
    if (labels.isEmpty() && task == Task.CLASSIFICATION) {
      throw fault(row.line(), "there is no label");
    }
    for (String label : labels) {
      marks[Objects.requireNonNull(places.get(label))] = 1;
    }
    return marks;
  }

  private float[] numbers(CsvFile.Row row, List<Integer> columns) {
    float[] numbers = new float[columns.size()];
    for (int i = 0; i < numbers.length; i++) {
      String text = row.fields().get(columns.get(i));
      numbers[i] = number(text);
      boolean fits =
          task == Task.REGRESSION ? Float.isFinite(numbers[i]) : numbers[i] >= 0 && numbers[i] <= 1;
      if (!fits) {
        throw fault(
            row.line(),
            "%s is '%s', give %s"
                .formatted(
                    names.get(i), text, task == Task.REGRESSION ? "a number" : "0, 1 or a share"));
      }
    }
    return numbers;
  }

  /** NaN for what is none. */
  private static float number(String text) {
    try {
      return Float.parseFloat(text);
    } catch (NumberFormatException e) {
      return Float.NaN;
    }
  }

  DataException fault(int line, String what) {
    return new DataException("%s, line %d: %s.".formatted(path, line, what));
  }

  List<String> names() {
    return names;
  }

  List<Entry> entries() {
    return entries;
  }

  /** What an entry is for: its split, or the folder that its file lies in, or null. */
  static @Nullable Part partOf(Entry entry) {
    int slash = entry.file().replace('\\', '/').indexOf('/');
    return entry.part() != null || slash < 0
        ? entry.part()
        : PARTS.get(entry.file().substring(0, slash).toLowerCase(Locale.ROOT));
  }

  /** Whether two entries are for the same. */
  static boolean isFor(Entry entry, Part part) {
    return Objects.equals(partOf(entry), part);
  }
}
