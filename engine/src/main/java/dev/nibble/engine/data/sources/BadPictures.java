package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFormat;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The unreadable pictures of a data set, so that all of them are told at once, not one a try. Used
 * by whoever implements a {@link DataFormat}.
 */
public final class BadPictures {
  private static final int MOST_NAMED = 1000;

  private final List<String> named = new ArrayList<>();
  private long seen;
  private long bad;

  /** Of a data set of which nothing was read yet. */
  public BadPictures() {}

  /**
   * Counts a picture.
   *
   * @param name what messages call it
   * @param fault what is wrong with it, or null
   */
  public void add(String name, @Nullable String fault) {
    seen++;
    if (fault != null) {
      bad++;
      if (named.size() < MOST_NAMED) {
        named.add("%s (%s)".formatted(name, fault));
      }
    }
  }

  /** Whether there is one. */
  public boolean isAny() {
    return bad > 0;
  }

  /**
   * Says which they are.
   *
   * @throws DataException if there is one
   */
  public void check() {
    if (bad == 0) {
      return;
    }
    String more = bad > named.size() ? " and %d more".formatted(bad - named.size()) : "";
    throw new DataException(
        "Cannot read %d of %d pictures: %s%s; repair or remove them, or leave them out with"
                .formatted(bad, seen, String.join(", ", named), more)
            + " --skip-unreadable (DataOptions.withSkipUnreadable).");
  }
}
