package dev.nibble.kernels;

/** Functions that {@link Math} does not have, in double. */
final class SpecialFunctions {
  private static final double TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

  private SpecialFunctions() {}

  /** The logistic function 1 / (1 + e^-x). */
  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** log(1 + e^x), without a power that overflows. */
  static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  /** The error function, to a few units in the last place. */
  static double erf(double x) {
    double a = Math.abs(x);
    double value;
    if (a > 6) {
      value = 1; // 1 - erf(6) is 2e-17.
    } else if (a > 2.5) {
      value = 1 - erfcFraction(a);
    } else {
      value = erfSeries(a);
    }
    return Double.isNaN(x) ? x : Math.copySign(value, x);
  }

  /** erf(x) = 2 / sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!: no term is negative. */
  private static double erfSeries(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; term > 1e-17 * sum; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return TWO_OVER_ROOT_PI * Math.exp(-x * x) * sum;
  }

  /** 1 - erf(x) by its continued fraction x + (1/2)/(x + (2/2)/(x + ...)), for x above 2. */
  private static double erfcFraction(double x) {
    double fraction = x;
    for (int n = 60; n > 0; n--) {
      fraction = x + n / (2 * fraction);
    }
    return TWO_OVER_ROOT_PI / 2 * Math.exp(-x * x) / fraction;
  }

  /** The unit normal's probability of lying below x. */
  static double normalBelow(double x) {
    return 0.5 * (1 + erf(x / Math.sqrt(2)));
  }

  /** The unit normal's density. */
  static double normalDensity(double x) {
    return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  }
}
