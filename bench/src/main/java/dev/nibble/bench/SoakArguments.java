package dev.nibble.bench;

import java.nio.file.Path;
import java.util.Locale;

/**
 * What a soak is told.
 *
 * @param file where its figures go
 * @param minutes how long it takes
 * @param rate at most so many requests a second
 * @param seed of all that is random
 */
record SoakArguments(Path file, double minutes, double rate, long seed) {
  private static final String USAGE =
      "Name the JSON file, and as you like at least half a minute and a rate of requests:"
          + " nibble bench --soak FILE --minutes 120 --requests-per-second 40.";

  /**
   * Reads {@code FILE [--minutes N] [--requests-per-second R]}.
   *
   * @throws IllegalArgumentException with a sentence about what is right
   */
  static SoakArguments parse(String... words) {
    double minutes = 120;
    double rate = 40;
    boolean sound = words.length % 2 == 1 && !words[0].startsWith("-");
    for (int i = 1; sound && i < words.length; i += 2) {
      double value =
          words[i + 1].matches("[0-9]{1,5}(\\.[0-9]+)?") ? Double.parseDouble(words[i + 1]) : 0;
      switch (words[i]) {
        case "--minutes" -> minutes = value;
        case "--requests-per-second" -> rate = value;
        default -> sound = false;
      }
    }
    if (!sound || minutes < 0.5 || rate < 1) {
      throw new IllegalArgumentException(USAGE);
    }
    return new SoakArguments(Path.of(words[0]).toAbsolutePath(), minutes, rate, System.nanoTime());
  }

  /** Short soaks have short lives, so that there are several of each kind. */
  int longestLifeMillis() {
    return (int) Math.clamp(minutes * 60_000 / 400, 5_000, 20_000);
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "--minutes %s --requests-per-second %s", minutes, rate);
  }
}
