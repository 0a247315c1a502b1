package dev.nibble.engine.data.parquet;

import dev.hardwood.metadata.PhysicalType;
import dev.hardwood.reader.ColumnReader;
import dev.hardwood.reader.ColumnReaders;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.schema.ColumnProjection;
import dev.hardwood.schema.ColumnSchema;
import dev.nibble.engine.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One Parquet file of pictures and labels, read from beginning to end. */
final class ParquetFile implements AutoCloseable {
  private static final List<String> PICTURES = List.of("img.bytes", "image.bytes");
  private static final List<String> LABELS = List.of("fine_label", "label", "labels");
  private static final int MOST_ROWS = 100_000_000;

  /** How long the library may do nothing, in milliseconds, and the system property for another. */
  private static final long PATIENCE_MILLIS = 10_000;

  static final String PATIENCE = "nibble.parquet.patience";

  /** Rows at a time; some 3 KB each in CIFAR. */
  private static final int BATCH = 512;

  private final Path path;
  private final ChannelInput input;
  private final ParquetFileReader reader;
  private final Patience patience;
  private final String pictures;
  private final String labels;

  /** Hears of every row in turn. */
  @FunctionalInterface
  interface Visitor {
    /**
     * A row was read.
     *
     * @param row from 0
     * @param picture a whole PNG or JPEG file
     */
    void visit(long row, byte[] picture, long label);
  }

  private ParquetFile(
      Path path,
      ChannelInput input,
      ParquetFileReader reader,
      Patience patience,
      @Nullable String labelColumn) {
    this.path = path;
    this.input = input;
    this.reader = reader;
    this.patience = patience;
    this.pictures = column(PICTURES, "", PhysicalType.BYTE_ARRAY);
    this.labels =
        column(
            labelColumn == null ? LABELS : List.of(labelColumn),
            "; name another with --label-column (DataOptions.withLabelColumn)",
            PhysicalType.INT64,
            PhysicalType.INT32);
    if (reader.getFileMetaData().numRows() > MOST_ROWS) {
      throw new DataException(
          "%s says that it has %d rows, more than the %d that are read."
              .formatted(path, reader.getFileMetaData().numRows(), MOST_ROWS));
    }
  }

  /**
   * Opens a file and finds its columns.
   *
   * @param labelColumn the one with the labels; null for one of the usual names
   * @throws DataException if it is damaged, or lacks a column
   */
  static ParquetFile open(Path path, @Nullable String labelColumn) {
    long patience = Long.getLong(PATIENCE, PATIENCE_MILLIS);
    ChannelInput input = new ChannelInput(path);
    Patience calls = new Patience(path, input, Duration.ofMillis(patience));
    try {
      return guarded(
          path,
          () -> {
            ParquetFileReader reader = calls.call(() -> ParquetFileReader.open(input));
            try {
              return new ParquetFile(path, input, reader, calls, labelColumn);
            } catch (RuntimeException | Error e) {
              calls.close(reader);
              throw e;
            }
          });
    } catch (RuntimeException | Error e) {
      try (input;
          calls) {
        throw e;
      } catch (IOException closing) {
        e.addSuppressed(closing);
        throw e;
      }
    }
  }

  private static <T> T guarded(Path path, Patience.Task<T> task) {
    try {
      return task.run();
    } catch (DataException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw new DataException("Cannot read the Parquet file %s: %s.".formatted(path, reason(e)), e);
    }
  }

  /** What the first cause of an exception says: the library wraps it, to say where it was. */
  static String reason(Throwable e) {
    Throwable first = e;
    while (first.getCause() != null) {
      first = first.getCause();
    }
    String message = first.getMessage();
    String text = message == null ? first.getClass().getSimpleName() : message;
    return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
  }

  private String column(List<String> names, String advice, PhysicalType... types) {
    for (String name : names) {
      for (ColumnSchema column : reader.getFileSchema().getColumns()) {
        if (column.fieldPath().toString().equals(name)
            && List.of(types).contains(column.type())
            && column.maxRepetitionLevel() == 0) {
          return name;
        }
      }
    }
    throw new DataException(
        "%s has no column %s of type %s; its columns are %s%s."
            .formatted(
                path,
                String.join(" or ", names),
                types[0],
                reader.getFileSchema().getColumns().stream()
                    .map(column -> column.fieldPath() + " (" + column.type() + ")")
                    .toList(),
                advice));
  }

  Path path() {
    return path;
  }

  /** The names of the classes that the file's metadata gives, or null. */
  @Nullable List<String> classNames() {
    String features = reader.getFileMetaData().keyValueMetadata().get("huggingface");
    return features == null ? null : ClassNames.of(features, labels);
  }

  /** All labels. */
  long[] labels() {
    return guarded(
        path,
        () -> {
          long[] all = new long[(int) reader.getFileMetaData().numRows()];
          int at = 0;
          try (Patience.Held<ColumnReader> held =
              patience.hold(() -> reader.columnReader(labels))) {
            ColumnReader column = held.part();
            while (patience.call(column::nextBatch)) {
              int count = column.getRecordCount();
              checkWhole(column, at, count);
              if (count > all.length - at) {
                throw new DataException("%s has more rows than it says.".formatted(path));
              }
              for (int i = 0; i < count; i++) {
                all[at++] = value(column, i);
              }
            }
          }
          if (at < all.length) {
            throw new DataException(
                "%s says that it has %d rows, but has %d.".formatted(path, all.length, at));
          }
          return all;
        });
  }

  /**
   * Reads all rows.
   *
   * @throws DataException if the file is damaged, or a row lacks its picture or label
   */
  void forEach(Visitor visitor) {
    guarded(
        path,
        () -> {
          ColumnProjection both = ColumnProjection.columns(pictures, labels);
          try (Patience.Held<ColumnReaders> held =
              patience.hold(() -> reader.buildColumnReaders(both).batchSize(BATCH).build())) {
            ColumnReaders columns = held.part();
            ColumnReader pictureColumn = columns.getColumnReader(pictures);
            ColumnReader labelColumn = columns.getColumnReader(labels);
            long row = 0;
            while (patience.call(columns::nextBatch)) {
              int count = columns.getRecordCount();
              checkWhole(pictureColumn, row, count);
              checkWhole(labelColumn, row, count);
              byte[][] files = pictureColumn.getBinaries();
              for (int i = 0; i < count; i++) {
                visitor.visit(row++, files[i], value(labelColumn, i));
              }
            }
          }
          return path;
        });
  }

  private static long value(ColumnReader column, int i) {
    return column.getColumnSchema().type() == PhysicalType.INT64
        ? column.getLongs()[i]
        : column.getInts()[i];
  }

  private void checkWhole(ColumnReader column, long row, int count) {
    if (column.getLeafValidity().hasNulls() || column.getValueCount() != count) {
      throw new DataException(
          "%s has no value in column %s of a row between %d and %d."
              .formatted(path, column.getColumnSchema().fieldPath(), row, row + count - 1));
    }
  }

  @Override
  public void close() {
    guarded(
        path,
        () -> {
          try (input;
              patience) {
            patience.close(reader);
          }
          return path;
        });
  }
}
