package dev.nibble.samples;

import java.util.Arrays;

/**
 * How long a step takes by the last few: their median, because a program's first step, in which the
 * kernels are compiled, takes as long as ten later ones.
 */
final class RecentSteps {
  private static final int KEPT = 15;

  private final double[] seconds = new double[KEPT];
  private final double[] sorted = new double[KEPT];
  private int count;

  void add(double stepSeconds) {
    seconds[count % KEPT] = stepSeconds;
    count++;
  }

  /** Seconds of a step; NaN while the first is all that is known. */
  double typical() {
    if (count < 2) {
      return Double.NaN;
    }
    int known = Math.min(count, KEPT);
    System.arraycopy(seconds, 0, sorted, 0, known);
    Arrays.sort(sorted, 0, known);
    return sorted[(known - 1) / 2];
  }
}
