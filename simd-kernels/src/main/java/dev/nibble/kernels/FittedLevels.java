package dev.nibble.kernels;

/**
 * Where a codec's levels lie for a channel whose nonlinearity has its edge at {@code t}, in
 * standard deviations from the mean.
 *
 * <p>Above the edge and below it, v ({@link Codec}) is a straight line of the value, and the
 * restored value one of v. Both are chosen to lose least of the values, which are taken to be
 * distributed as {@link TypicalValues} says. They are computed for edges a quarter of a deviation
 * apart and interpolated between.
 */
final class FittedLevels {
  private static final double LAST = 4;
  private static final int STEPS = 32;

  /** Where there are many codes, values up to so many deviations have one of their own. */
  private static final double REACH = 8;

  /** More codes than this are spread over the reach; fewer lie where least is lost. */
  private static final int MANY = 32;

  private final double[] starts;
  private final double[] places;
  private final int split;
  private final int middle;
  private final Lines above = new Lines();
  private final Lines below = new Lines();
  private final Line overMean;
  private final Line underMean;
  private final boolean[] symmetric = new boolean[STEPS + 1];

  /**
   * A straight line and the way back: {@code v = start + (u - origin) * scale}, {@code u~ = origin
   * + offset + (v - start) * slope}, with start the v of the edge.
   */
  record Line(double origin, double scale, double offset, double slope) {}

  /** Lines by the edge's place, in arrays: a channel's coefficients are filled without objects. */
  static final class Lines {
    private final double[] scales = new double[STEPS + 1];
    private final double[] offsets = new double[STEPS + 1];
    private final double[] slopes = new double[STEPS + 1];

    private void set(int i, Line line) {
      scales[i] = line.scale;
      offsets[i] = line.offset;
      slopes[i] = line.slope;
    }

    double scale(double t) {
      return at(scales, t);
    }

    double offset(double t) {
      return at(offsets, t);
    }

    double slope(double t) {
      return at(slopes, t);
    }

    private static double at(double[] values, double t) {
      double x = (origin(t) / LAST + 1) * STEPS / 2;
      int i = (int) Math.min(x, STEPS - 1);
      return values[i] + (values[i + 1] - values[i]) * (x - i);
    }
  }

  /**
   * Fits the levels of a codec.
   *
   * @param starts where each code's v begins, and where the last one's ends
   * @param places what v is restored to
   * @param split the first code above the edge
   * @param shared whether the codes from there on are stored as what several values share: then no
   *     codes of their own lie on both sides of the mean
   */
  FittedLevels(double[] starts, double[] places, int split, boolean shared) {
    this.starts = starts;
    this.places = places;
    this.split = split;
    this.middle = shared ? split : places.length / 2;
    TypicalValues values = TypicalValues.withEdge();
    for (int i = 0; i <= STEPS; i++) {
      double t = (2.0 * i / STEPS - 1) * LAST;
      above.set(i, best(values, split, places.length, starts[split], t));
      below.set(i, best(values, 0, split, starts[split], t));
    }
    TypicalValues linear = TypicalValues.withoutEdge();
    overMean = best(linear, middle, places.length, starts[middle], 0);
    underMean = best(linear, 0, middle, starts[middle], 0);
    for (int i = 0; i <= STEPS; i++) {
      double t = (2.0 * i / STEPS - 1) * LAST;
      Line line = new Line(t, above.scales[i], above.offsets[i], above.slopes[i]);
      symmetric[i] =
          !shared && wholeLoss(values, t) < loss(values, split, places.length, starts[split], line);
    }
  }

  /** What the levels on both sides of the mean lose of the values above t. */
  private double wholeLoss(TypicalValues values, double t) {
    double loss = 0;
    for (int code = 0; code < places.length; code++) {
      Line line = code < middle ? underMean : overMean;
      double low = bound(code, starts[middle], line.origin, line.scale);
      double high = bound(code + 1, starts[middle], line.origin, line.scale);
      if (high > t) {
        double level = line.offset + (places[code] - starts[middle]) * line.slope;
        double share = values.share(Math.max(low, t), high);
        loss += level * (level * share - 2 * values.sum(Math.max(low, t), high));
      }
    }
    return loss;
  }

  /**
   * Whether levels on both sides of the mean lose less of the values above an edge at t than those
   * that begin there: where the edge lies far below most values.
   */
  boolean prefersWhole(double t) {
    return symmetric[(int) Math.rint((origin(t) / LAST + 1) * STEPS / 2)];
  }

  /** The v of the mean, where codes lie on both sides of it. */
  double middle() {
    return starts[middle];
  }

  /** The v of the edge. */
  double edge() {
    return starts[split];
  }

  /** Where the lines of an edge at t begin: there, or where values are too few to matter. */
  static double origin(double t) {
    return Math.clamp(t, -LAST, LAST);
  }

  /** Whether so few values lie above an edge at t that one level serves them all. */
  static boolean isLast(double t) {
    return t > LAST;
  }

  /** How far above the edge the lowest level lies, for an edge at t. */
  double least(double t) {
    return above.offset(t) + (places[split] - starts[split]) * above.slope(t);
  }

  /** The lines above the edge. */
  Lines above() {
    return above;
  }

  /** The lines below the edge. */
  Lines below() {
    return below;
  }

  /** The line above the mean of values without an edge, from the codes' middle on. */
  Line overMean() {
    return overMean;
  }

  /** The line below the mean of values without an edge, down from the codes' middle. */
  Line underMean() {
    return underMean;
  }

  /** The line of codes [from, to) that loses least: a golden-section search for its scale. */
  private Line best(TypicalValues values, int from, int to, double start, double origin) {
    double span = Math.max(starts[to] - start, start - starts[from]);
    if (to - from > MANY) {
      double reach = to == places.length ? REACH - Math.max(origin, -LAST) : REACH + origin;
      return restoring(values, from, to, start, origin, span / Math.max(reach, 1));
    }
    double low = Math.log(span / 12);
    double high = Math.log(span / 0.3);
    double golden = (Math.sqrt(5) - 1) / 2;
    double a = high - golden * (high - low);
    double b = low + golden * (high - low);
    Line first = restoring(values, from, to, start, origin, Math.exp(a));
    Line second = restoring(values, from, to, start, origin, Math.exp(b));
    for (int i = 0; i < 14; i++) {
      boolean left = loss(values, from, to, start, first) < loss(values, from, to, start, second);
      if (left) {
        high = b;
        b = a;
        second = first;
        a = high - golden * (high - low);
        first = restoring(values, from, to, start, origin, Math.exp(a));
      } else {
        low = a;
        a = b;
        first = second;
        b = low + golden * (high - low);
        second = restoring(values, from, to, start, origin, Math.exp(b));
      }
    }
    return loss(values, from, to, start, first) < loss(values, from, to, start, second)
        ? first
        : second;
  }

  /** Where a code begins; the outer ones have no end. */
  private double bound(int code, double start, double origin, double scale) {
    if (code == 0) {
      return -TypicalValues.MOST;
    }
    if (code == places.length) {
      return TypicalValues.MOST;
    }
    return origin + (starts[code] - start) / scale;
  }

  /** The way back for a scale: the regression of the values on their places. */
  private Line restoring(
      TypicalValues values, int from, int to, double start, double origin, double scale) {
    double mass = 0;
    double w = 0;
    double ww = 0;
    double u = 0;
    double uw = 0;
    for (int code = from; code < to; code++) {
      double low = bound(code, start, origin, scale);
      double high = bound(code + 1, start, origin, scale);
      double share = values.share(low, high);
      double sum = values.sum(low, high) - origin * share;
      double place = places[code] - start;
      mass += share;
      w += place * share;
      ww += place * place * share;
      u += sum;
      uw += place * sum;
    }
    double spread = ww * mass - w * w;
    double slope = spread > 1e-12 ? (uw * mass - u * w) / spread : 0;
    return new Line(origin, scale, (u - slope * w) / mass, slope);
  }

  /** The squared error that restoring codes [from, to) leaves, up to a constant. */
  private double loss(TypicalValues values, int from, int to, double start, Line line) {
    double loss = 0;
    for (int code = from; code < to; code++) {
      double low = bound(code, start, line.origin, line.scale);
      double high = bound(code + 1, start, line.origin, line.scale);
      double level = line.origin + line.offset + (places[code] - start) * line.slope;
      loss += level * (level * values.share(low, high) - 2 * values.sum(low, high));
    }
    return loss;
  }
}
