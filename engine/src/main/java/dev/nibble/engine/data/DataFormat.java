package dev.nibble.engine.data;

import java.nio.file.Path;

/**
 * A kind of folder that {@link dev.nibble.engine.data.sources.DataSources} opens beside those it
 * knows itself; it finds implementations with {@link java.util.ServiceLoader}.
 */
public interface DataFormat {
  /** What such a folder holds, for messages: "accepted are ...". */
  String description();

  /** Whether a folder looks as if it held this kind; opens no file. */
  boolean isIn(Path folder);

  /**
   * Opens a folder that looks so.
   *
   * @param name short name of the data set, for messages
   * @throws DataException if the data set is damaged or incomplete
   */
  DataSplits open(Path folder, String name, DataOptions options);
}
