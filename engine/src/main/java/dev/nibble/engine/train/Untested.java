package dev.nibble.engine.train;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An epoch whose steps are done but whose evaluation is not: what a checkpoint between the two must
 * keep, so that a resumed run begins with that evaluation.
 *
 * @param trainLoss mean loss over the epoch's steps
 * @param trainAccuracy mean accuracy over them
 */
record Untested(double trainLoss, double trainAccuracy) {
  /** The name under which a checkpoint keeps it. */
  static final String KEY = "untested-epoch";

  void write(Map<String, String> words) {
    words.put(KEY, trainLoss + "," + trainAccuracy);
  }

  /**
   * What a checkpoint says.
   *
   * @return null if nothing was left to be tested
   * @throws NumberFormatException if it is damaged
   */
  static @Nullable Untested read(Map<String, String> words) {
    String text = words.get(KEY);
    if (text == null) {
      return null;
    }
    int comma = text.indexOf(',');
    if (comma < 0) {
      throw new NumberFormatException("one number instead of two");
    }
    return new Untested(
        Double.parseDouble(text.substring(0, comma)),
        Double.parseDouble(text.substring(comma + 1)));
  }
}
