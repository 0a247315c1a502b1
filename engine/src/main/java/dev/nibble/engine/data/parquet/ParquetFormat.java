package dev.nibble.engine.data.parquet;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFormat;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import java.nio.file.Path;

/**
 * A folder of Parquet files: {@code train-*.parquet}, {@code test-*.parquet} (or {@code
 * validation-*}), with whole picture files in a column {@code img.bytes} or {@code image.bytes} and
 * whole numbers in a column {@code fine_label}, {@code label}, {@code labels}, or the one that the
 * options name. Found by {@link java.util.ServiceLoader}.
 */
public final class ParquetFormat implements DataFormat {
  /** For {@link java.util.ServiceLoader}. */
  public ParquetFormat() {}

  @Override
  public String description() {
    return "or Parquet files named train-*.parquet and test-*.parquet";
  }

  @Override
  public boolean isIn(Path folder) {
    return !ParquetFolder.files(folder, "train").isEmpty();
  }

  @Override
  public DataSplits open(Path folder, String name, DataOptions options) {
    try {
      return ParquetFolder.open(folder, name, options);
    } catch (NoClassDefFoundError e) {
      // This class itself must load without the library.
      throw new DataException(
          "%s holds Parquet files, which are read with a library that is not there: put"
                  .formatted(folder)
              + " dev.hardwood:hardwood-core on the class or module path.",
          e);
    }
  }
}
