package dev.nibble.engine.optim;

/** What the factories of {@link LearningRateSchedule} return. */
final class Schedules {
  private Schedules() {}

  record Constant(float base) implements LearningRateSchedule {
    Constant {
      requireRate(base);
    }

    @Override
    public float rate(long step) {
      requireStep(step);
      return base;
    }
  }

  /** Rates that each hold up to a boundary. */
  static final class Pieces implements LearningRateSchedule {
    private final float[] rates;
    private final long[] boundaries;

    /** Takes both arrays over: rate i holds before boundary i, the last one after all. */
    Pieces(float[] rates, long[] boundaries) {
      for (float rate : rates) {
        requireRate(rate);
      }
      long last = 0;
      for (long boundary : boundaries) {
        if (boundary < last) {
          throw new IllegalArgumentException(
              "the boundary " + boundary + " is below " + last + ", give them in rising order");
        }
        last = boundary;
      }
      this.rates = rates;
      this.boundaries = boundaries;
    }

    static Pieces falling(float base, float factor, long... boundaries) {
      requireRate(factor);
      float[] rates = new float[boundaries.length + 1];
      // From the base each time, in double: 0.1 * 0.1 * 0.1 in float is not 0.001f.
      double exact = Double.parseDouble(Float.toString(factor));
      for (int i = 0; i < rates.length; i++) {
        rates[i] = (float) (base * StrictMath.pow(exact, i));
      }
      return new Pieces(rates, boundaries.clone());
    }

    @Override
    public float rate(long step) {
      requireStep(step);
      int piece = 0;
      while (piece < boundaries.length && step >= boundaries[piece]) {
        piece++;
      }
      return rates[piece];
    }
  }

  record Cosine(float base, long totalSteps, long start) implements LearningRateSchedule {
    Cosine {
      requireRate(base);
      requireTotal(totalSteps);
      if (start < 0 || start >= totalSteps) {
        throw new IllegalArgumentException(
            "%d warm-up steps do not fit a run of %d, give 0 to %d"
                .formatted(start, totalSteps, totalSteps - 1));
      }
    }

    @Override
    public float rate(long step) {
      requireStep(step);
      if (step <= start) {
        return base;
      }
      if (step >= totalSteps) {
        return 0;
      }
      double part = (double) (step - start) / (totalSteps - start);
      // StrictMath: the same bits on every machine.
      return (float) (base * 0.5 * (1 + StrictMath.cos(Math.PI * part)));
    }
  }

  record Warmup(LearningRateSchedule after, long steps) implements LearningRateSchedule {
    Warmup {
      if (steps < 0) {
        throw new IllegalArgumentException("there are " + steps + " warm-up steps, give 0 or more");
      }
    }

    @Override
    public float rate(long step) {
      float rate = after.rate(step);
      return step >= steps - 1 ? rate : (float) (rate * ((step + 1) / (double) steps));
    }
  }

  static void requireTotal(long totalSteps) {
    if (totalSteps < 1) {
      throw new IllegalArgumentException("the run has " + totalSteps + " steps, give 1 or more");
    }
  }

  /** Returns total * numerator / denominator, rounded down, without overflow. */
  static long share(long total, long numerator, long denominator) {
    return total / denominator * numerator + total % denominator * numerator / denominator;
  }

  private static void requireRate(float rate) {
    if (!(rate >= 0 && Float.isFinite(rate))) {
      throw new IllegalArgumentException(
          "the learning rate or factor is " + rate + ", give a number not below 0");
    }
  }

  private static void requireStep(long step) {
    if (step < 0) {
      throw new IllegalArgumentException("step " + step + " is negative");
    }
  }
}
