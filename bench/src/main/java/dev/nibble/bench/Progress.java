package dev.nibble.bench;

import java.io.PrintStream;
import java.util.Locale;

/**
 * Says what runs and how long the rest will take: as long as was expected, corrected by how the
 * past compares with what was expected of it.
 */
final class Progress {
  private final PrintStream out;
  private final int count;
  private final long start = System.nanoTime();
  private double expectedLeft;
  private double expectedDone;
  private int done;

  /**
   * Starts the clock.
   *
   * @param expected seconds for everything
   */
  Progress(PrintStream out, int count, double expected) {
    this.out = out;
    this.count = count;
    this.expectedLeft = expected;
  }

  /** Something begins. */
  void begin(String label) {
    out.printf(
        Locale.ROOT,
        "[%2d/%d] %-48s about %s left%n",
        done + 1,
        count,
        label,
        duration(left(expectedDone, expectedLeft, (System.nanoTime() - start) / 1e9)));
    out.flush();
  }

  /** It ended. */
  void end(double expected) {
    done++;
    expectedDone += expected;
    expectedLeft = Math.max(0, expectedLeft - expected);
  }

  /** Everything ended. */
  void finish() {
    out.println("Took " + duration((System.nanoTime() - start) / 1e9));
    out.flush();
  }

  /** Seconds left: the first ten expected ones are too few to learn from. */
  static double left(double expectedDone, double expectedLeft, double elapsed) {
    return expectedDone < 10 ? expectedLeft : expectedLeft * elapsed / expectedDone;
  }

  /** Whole minutes and seconds. */
  static String duration(double seconds) {
    long whole = Math.round(seconds);
    return whole < 60 ? whole + " s" : whole / 60 + " min " + whole % 60 + " s";
  }
}
