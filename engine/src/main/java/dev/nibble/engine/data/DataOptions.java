package dev.nibble.engine.data;

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
 */
public record DataOptions(
    @Nullable PictureSize imageSize,
    boolean skipUnreadable,
    boolean ignoreOrientation,
    @Nullable String labelColumn,
    long seed) {
  /** The size the data set has, unreadable pictures are errors, orientation applied, seed 0. */
  public static DataOptions defaults() {
    return new DataOptions(null, false, false, null, 0);
  }

  /** The same options with another picture size. */
  public DataOptions withImageSize(@Nullable PictureSize size) {
    return new DataOptions(size, skipUnreadable, ignoreOrientation, labelColumn, seed);
  }

  /** The same options with another answer to unreadable pictures. */
  public DataOptions withSkipUnreadable(boolean skip) {
    return new DataOptions(imageSize, skip, ignoreOrientation, labelColumn, seed);
  }

  /** The same options with another answer to pictures that are stored turned. */
  public DataOptions withIgnoreOrientation(boolean ignore) {
    return new DataOptions(imageSize, skipUnreadable, ignore, labelColumn, seed);
  }

  /** The same options with another column of labels. */
  public DataOptions withLabelColumn(@Nullable String column) {
    return new DataOptions(imageSize, skipUnreadable, ignoreOrientation, column, seed);
  }

  /** The same options with another seed. */
  public DataOptions withSeed(long newSeed) {
    return new DataOptions(imageSize, skipUnreadable, ignoreOrientation, labelColumn, newSeed);
  }
}
