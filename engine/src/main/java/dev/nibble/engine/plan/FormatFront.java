package dev.nibble.engine.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One alternative for each of several items: the choices that no other beats, which takes no more
 * bytes and errs less. A multiple-choice knapsack, solved for all budgets at once.
 *
 * <p>Items are added one after the other, and of the choices so far only those are kept that none
 * beats. Where there are too many, they are thinned, evenly by bytes: what is found may then err a
 * little more than the best does.
 */
final class FormatFront {
  /** Choices that are kept after each item. */
  private static final int MOST = 1024;

  /**
   * A choice for the items so far.
   *
   * @param before that for the items before the last one, or null for none
   * @param alternative of the last item
   */
  private record Point(@Nullable Point before, int alternative, long bytes, double error) {}

  private static final Comparator<Point> ORDER =
      Comparator.comparingLong(Point::bytes).thenComparingDouble(Point::error);

  private FormatFront() {}

  /**
   * Finds the choices.
   *
   * @param bytes by item and alternative
   * @param errors by item and alternative
   * @return by choice, those of the fewest bytes first, and by item: the alternative
   */
  static List<int[]> of(long[][] bytes, double[][] errors) {
    List<Point> points = List.of(new Point(null, 0, 0, 0));
    for (int item = 0; item < bytes.length; item++) {
      List<Point> next = new ArrayList<>();
      for (Point point : points) {
        for (int i = 0; i < bytes[item].length; i++) {
          double error = point.error() + errors[item][i];
          next.add(new Point(point, i, point.bytes() + bytes[item][i], error));
        }
      }
      points = thinned(unbeaten(next));
    }
    List<Point> all = new ArrayList<>(points);
    all.addAll(alike(bytes, errors));
    return unbeaten(all).stream().map(point -> alternatives(point, bytes.length)).toList();
  }

  private static List<Point> unbeaten(List<Point> points) {
    points.sort(ORDER);
    List<Point> kept = new ArrayList<>();
    double least = Double.POSITIVE_INFINITY;
    for (Point point : points) {
      if (point.error() < least) {
        kept.add(point);
        least = point.error();
      }
    }
    return kept;
  }

  /** The first and the last, and of each of many equal ranges of bytes the last one. */
  private static List<Point> thinned(List<Point> points) {
    if (points.size() <= MOST) {
      return points;
    }
    long from = points.getFirst().bytes();
    double range = (double) (points.getLast().bytes() - from) / (MOST - 1);
    List<Point> kept = new ArrayList<>();
    kept.add(points.getFirst());
    for (int i = 1; i < points.size(); i++) {
      long own = (long) ((points.get(i).bytes() - from) / range);
      boolean isLast = i + 1 == points.size();
      if (isLast || (long) ((points.get(i + 1).bytes() - from) / range) > own) {
        kept.add(points.get(i));
      }
    }
    return kept;
  }

  /** The same alternative for all items: what thinning may lose must not be missing. */
  private static List<Point> alike(long[][] bytes, double[][] errors) {
    List<Point> points = new ArrayList<>();
    int alternatives = bytes.length == 0 ? 0 : bytes[0].length;
    for (int i = 0; i < alternatives; i++) {
      Point point = new Point(null, 0, 0, 0);
      for (int item = 0; item < bytes.length; item++) {
        double error = point.error() + errors[item][i];
        point = new Point(point, i, point.bytes() + bytes[item][i], error);
      }
      points.add(point);
    }
    return points;
  }

  private static int[] alternatives(Point last, int items) {
    int[] alternatives = new int[items];
    Point point = last;
    for (int item = items - 1; item >= 0 && point != null; item--) {
      alternatives[item] = point.alternative();
      point = point.before();
    }
    return alternatives;
  }
}
