package dev.nibble.engine.data;

import org.jspecify.annotations.Nullable;

/**
 * How a data set is opened.
 *
 * @param imageSize size that an image folder's pictures are resized to; null means the size of its
 *     first readable training picture. Other kinds have one size: asking for another is an error
 * @param skipUnreadable whether an image folder's pictures are all decoded at opening and
 *     unreadable ones left out with a count; otherwise the first unreadable one is an error when it
 *     is read
 * @param seed what the pictures of {@code shapes} are drawn from
 */
public record DataOptions(@Nullable PictureSize imageSize, boolean skipUnreadable, long seed) {
  /** The size the data set has, unreadable pictures are errors, seed 0. */
  public static DataOptions defaults() {
    return new DataOptions(null, false, 0);
  }

  /** The same options with another picture size. */
  public DataOptions withImageSize(@Nullable PictureSize size) {
    return new DataOptions(size, skipUnreadable, seed);
  }

  /** The same options with another answer to unreadable pictures. */
  public DataOptions withSkipUnreadable(boolean skip) {
    return new DataOptions(imageSize, skip, seed);
  }

  /** The same options with another seed. */
  public DataOptions withSeed(long newSeed) {
    return new DataOptions(imageSize, skipUnreadable, newSeed);
  }
}
