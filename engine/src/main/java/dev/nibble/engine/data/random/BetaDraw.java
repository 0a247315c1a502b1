package dev.nibble.engine.data.random;

/**
 * A number of Beta(a, a), drawn by counting, the same bits on every machine. Source: G. Marsaglia,
 * W. W. Tsang, "A Simple Method for Generating Gamma Variables", 2000; of two such numbers the
 * one's share of both.
 */
public final class BetaDraw {
  private static final double SMALLEST = 0x1p-54;

  private BetaDraw() {}

  /** A number of 0..1, the same for the same key. */
  public static double of(double a, long key) {
    // In logarithms: for a small a, both numbers may be too small to be anything but 0.
    double one = logGamma(a, SplitMix64.key(key, 0));
    double two = logGamma(a, SplitMix64.key(key, 1));
    return 1 / (1 + StrictMath.exp(two - one));
  }

  private static double logGamma(double a, long key) {
    double raised = a < 1 ? a + 1 : a;
    double d = raised - 1.0 / 3;
    double c = 1 / StrictMath.sqrt(9 * d);
    double log = 0;
    for (long draw = 0; ; draw += 3) {
      double radius = StrictMath.sqrt(-2 * StrictMath.log(open(key, draw)));
      double normal = radius * StrictMath.cos(2 * Math.PI * open(key, draw + 1));
      double root = 1 + c * normal;
      if (root > 0) {
        double v = root * root * root;
        double bound = 0.5 * normal * normal + d - d * v + d * StrictMath.log(v);
        if (StrictMath.log(open(key, draw + 2)) < bound) {
          log = StrictMath.log(d * v);
          break;
        }
      }
    }
    return a < 1 ? log + StrictMath.log(open(key, -1)) / a : log;
  }

  /** A number above 0 and below 1. */
  private static double open(long key, long draw) {
    return Math.max((SplitMix64.at(key, draw) >>> 11) * 0x1p-53, SMALLEST);
  }
}
