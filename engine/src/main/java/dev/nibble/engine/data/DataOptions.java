package dev.nibble.engine.data;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a data set is opened.
 *
 * @param imageSize size that the pictures of a folder or of Parquet files are resized to; null
 *     means the size of the first readable training picture. Other kinds have one size: asking for
 *     another is an error
 * @param skipUnreadable whether pictures are all decoded at opening and unreadable ones left out
 *     with a count; otherwise opening fails and names all that can be told by their headers, and
 *     one that is damaged further on is an error when it is read
 * @param ignoreOrientation whether pictures stay as they are stored; otherwise they are turned as
 *     their EXIF data says
 * @param labelColumn the column of Parquet files that holds the labels; null for {@code
 *     fine_label}, {@code label} or {@code labels}
 * @param seed what the pictures of {@code shapes} are drawn from, and what decides which pictures
 *     of a folder without splits are test pictures
 * @param labelFile a CSV file that says what is told of a folder's pictures, instead of class
 *     folders; or null. Its first line names the columns: {@code file} (from the folder), maybe
 *     {@code split} (train, val, test), and {@code label} for classification, {@code labels} apart
 *     by | or blanks, or a column of 0 and 1 each, for multi-label, columns of numbers for
 *     regression
 * @param task what such a file tells
 */
public record DataOptions(
    @Nullable PictureSize imageSize,
    boolean skipUnreadable,
    boolean ignoreOrientation,
    @Nullable String labelColumn,
    long seed,
    @Nullable Path labelFile,
    Task task) {
  /** The size the data set has, unreadable pictures are errors, orientation applied, seed 0. */
  public static DataOptions defaults() {
    return new DataOptions(null, false, false, null, 0, null, Task.CLASSIFICATION);
  }

  /** The same options with another picture size. */
  public DataOptions withImageSize(@Nullable PictureSize size) {
    return new DataOptions(
        size, skipUnreadable, ignoreOrientation, labelColumn, seed, labelFile, task);
  }

  /** The same options with another answer to unreadable pictures. */
  public DataOptions withSkipUnreadable(boolean skip) {
    return new DataOptions(imageSize, skip, ignoreOrientation, labelColumn, seed, labelFile, task);
  }

  /** The same options with another answer to pictures that are stored turned. */
  public DataOptions withIgnoreOrientation(boolean ignore) {
    return new DataOptions(imageSize, skipUnreadable, ignore, labelColumn, seed, labelFile, task);
  }

  /** The same options with another column of labels. */
  public DataOptions withLabelColumn(@Nullable String column) {
    return new DataOptions(
        imageSize, skipUnreadable, ignoreOrientation, column, seed, labelFile, task);
  }

  /** The same options with another seed. */
  public DataOptions withSeed(long newSeed) {
    return new DataOptions(
        imageSize, skipUnreadable, ignoreOrientation, labelColumn, newSeed, labelFile, task);
  }

  /** The same options with a file of labels. */
  public DataOptions withLabels(@Nullable Path file, Task told) {
    return new DataOptions(
        imageSize, skipUnreadable, ignoreOrientation, labelColumn, seed, file, told);
  }
}
