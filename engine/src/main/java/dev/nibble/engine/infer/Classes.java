package dev.nibble.engine.infer;

import java.util.Arrays;
import java.util.Objects;

/** What logits say about the classes; every method writes into the caller's arrays only. */
public final class Classes {
  /** What {@link #largest} answers where the logits name no class. */
  public static final int NONE = -1;

  private Classes() {}

  /**
   * Index of a picture's largest logit, the first of equals; {@link #NONE} if that is not finite or
   * any of them is NaN, as those of a network whose training diverged are.
   *
   * @param logits N,classes
   * @param picture which of the N
   */
  public static int largest(float[] logits, int picture, int classes) {
    int base = checkFrom(logits.length, picture, classes);
    int best = NONE;
    float most = Float.NEGATIVE_INFINITY;
    for (int c = 0; c < classes; c++) {
      float logit = logits[base + c];
      if (Float.isNaN(logit)) {
        return NONE;
      }
      if (logit > most) {
        most = logit;
        best = c;
      }
    }
    return most == Float.POSITIVE_INFINITY ? NONE : best;
  }

  /**
   * Softmax of a picture's logits; the largest is subtracted first, so that nothing overflows. All
   * are NaN where {@link #largest} is {@link #NONE}.
   *
   * @param logits N,classes
   * @param picture which of the N
   * @param probabilities the first {@code classes} are written
   */
  public static void probabilities(
      float[] logits, int picture, int classes, double[] probabilities) {
    int base = checkFrom(logits.length, picture, classes);
    Objects.checkFromToIndex(0, classes, probabilities.length);
    int best = largest(logits, picture, classes);
    if (best == NONE) {
      Arrays.fill(probabilities, 0, classes, Double.NaN);
      return;
    }
    float most = logits[base + best];
    double sum = 0;
    for (int c = 0; c < classes; c++) {
      probabilities[c] = Math.exp((double) logits[base + c] - most);
      sum += probabilities[c];
    }
    for (int c = 0; c < classes; c++) {
      probabilities[c] /= sum;
    }
  }

  /**
   * Cross-entropy of a picture: log(sum(exp(logits))) minus the logit of its label; NaN where
   * {@link #largest} is {@link #NONE}.
   *
   * @param logits N,classes
   * @param picture which of the N
   * @param label 0 to classes - 1
   */
  public static double loss(float[] logits, int picture, int classes, int label) {
    int base = checkFrom(logits.length, picture, classes);
    Objects.checkIndex(label, classes);
    int best = largest(logits, picture, classes);
    if (best == NONE) {
      return Double.NaN;
    }
    float most = logits[base + best];
    double sum = 0;
    for (int c = 0; c < classes; c++) {
      sum += Math.exp((double) logits[base + c] - most);
    }
    return Math.log(sum) + most - logits[base + label];
  }

  /**
   * Indices of a picture's largest logits, the largest first, the first of equals before the other;
   * NaN comes last.
   *
   * @param logits N,classes
   * @param picture which of the N
   * @param top as many are found as it is long, at most {@code classes}
   * @throws IllegalArgumentException if more are asked for than there are classes
   */
  public static void top(float[] logits, int picture, int classes, int[] top) {
    int base = checkFrom(logits.length, picture, classes);
    if (top.length > classes) {
      throw new IllegalArgumentException(
          "There are %d classes, so the largest %d can't be named.".formatted(classes, top.length));
    }
    int found = 0;
    for (int c = 0; c < classes; c++) {
      int at = found;
      while (at > 0 && isAbove(logits[base + c], logits[base + top[at - 1]])) {
        at--;
      }
      if (at < top.length) {
        found = Math.min(found + 1, top.length);
        System.arraycopy(top, at, top, at + 1, found - at - 1);
        top[at] = c;
      }
    }
  }

  private static boolean isAbove(float value, float other) {
    return value > other || (Float.isNaN(other) && !Float.isNaN(value));
  }

  private static int checkFrom(int length, int picture, int classes) {
    long from = (long) picture * classes;
    if (classes < 1 || picture < 0 || from + classes > length) {
      throw new IllegalArgumentException(
          "The %d logits hold no picture %d of %d classes.".formatted(length, picture, classes));
    }
    return (int) from;
  }
}
