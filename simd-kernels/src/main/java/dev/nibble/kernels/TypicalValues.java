package dev.nibble.kernels;

/**
 * How normalised values are usually distributed: a mixture of two normal distributions of unit
 * variance in all, whose tails are heavier than one normal's. Sums over it are read from a table.
 */
final class TypicalValues {
  /** Larger values do not occur. */
  static final double MOST = 12;

  /** The deviation of the wide distribution. */
  private static final double WIDE = 1.55;

  private static final int PER_UNIT = 128;

  private final double[] shares = new double[2 * (int) MOST * PER_UNIT + 1];
  private final double[] sums = new double[shares.length];

  private TypicalValues(double wideShare) {
    double narrow = Math.sqrt((1 - wideShare * WIDE * WIDE) / (1 - wideShare));
    for (int i = 1; i < shares.length; i++) {
      double u = (i - 0.5) / PER_UNIT - MOST;
      double density =
          (1 - wideShare) * density(u / narrow) / narrow + wideShare * density(u / WIDE) / WIDE;
      shares[i] = shares[i - 1] + density / PER_UNIT;
      sums[i] = sums[i - 1] + density * u / PER_UNIT;
    }
  }

  /** The inputs of a nonlinearity. */
  static TypicalValues withEdge() {
    return new TypicalValues(0.2);
  }

  /**
   * What no nonlinearity follows, such as sums, pooled values and pictures: from flat to heavy
   * tails, so that levels for the heaviest would lose more of the others than evenly spaced ones.
   */
  static TypicalValues withoutEdge() {
    return new TypicalValues(0.15);
  }

  /** The same on every platform. */
  private static double density(double x) {
    return StrictMath.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  }

  /** The share of values from low to high. */
  double share(double low, double high) {
    return at(shares, high) - at(shares, low);
  }

  /** The mean of the values from low to high, times their share. */
  double sum(double low, double high) {
    return at(sums, high) - at(sums, low);
  }

  private static double at(double[] table, double u) {
    double x = (Math.clamp(u, -MOST, MOST) + MOST) * PER_UNIT;
    int i = (int) Math.min(x, table.length - 2);
    return table[i] + (table[i + 1] - table[i]) * (x - i);
  }
}
