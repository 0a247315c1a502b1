package dev.nibble.bench.page;

import java.awt.geom.Line2D;
import java.awt.geom.Point2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Finds places for labels near their points, so that none covers a point, a line or another label.
 *
 * <p>Each label tries places on circles around its point and takes the cheapest; then all take
 * turns again, since a later label may have left no good place to an earlier one. Of several orders
 * of turns, the best counts.
 */
final class LabelPlacement {
  private static final double[] DISTANCES = {7, 14, 24, 36, 50, 66, 84};
  private static final int DIRECTIONS = 24;
  private static final int ROUNDS = 5;
  private static final int STARTS = 6;

  /** Half the side of the square that a point takes. */
  private static final double POINT = 6;

  private static final double COVERED_LABEL = 1000;
  private static final double COVERED_POINT = 400;
  private static final double CROSSED_LINE = 150;
  private static final double CROSSED_LEADER = 60;

  private final Rectangle2D bounds;
  private final List<Line2D> lines;
  private final List<Point2D> points = new ArrayList<>();
  private final List<double[]> sizes = new ArrayList<>();
  private final List<@Nullable Rectangle2D> places = new ArrayList<>();

  /**
   * Starts with an empty plot.
   *
   * @param bounds what no label leaves
   * @param lines what no label should cross
   */
  LabelPlacement(Rectangle2D bounds, List<Line2D> lines) {
    this.bounds = bounds;
    this.lines = List.copyOf(lines);
  }

  /** Adds a point with a label of this size. */
  void add(Point2D point, double width, double height) {
    points.add(point);
    sizes.add(new double[] {width, height});
    places.add(null);
  }

  /** The labels' places, in the order in which they were added. */
  List<Rectangle2D> place() {
    List<Rectangle2D> best = List.of();
    double least = Double.POSITIVE_INFINITY;
    for (int start = 0; start < STARTS; start++) {
      List<Rectangle2D> tried = place(start * points.size() / STARTS);
      double cost = 0;
      for (int i = 0; i < tried.size(); i++) {
        Point2D nearest = LabelPlacement.leader(points.get(i), tried.get(i)).getP2();
        cost += cost(i, tried.get(i)) + points.get(i).distance(nearest);
      }
      if (cost < least) {
        least = cost;
        best = tried;
      }
    }
    return best;
  }

  /** Tries one order: who comes first takes the best place. */
  private List<Rectangle2D> place(int start) {
    int count = points.size();
    Collections.fill(places, null);
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < count; i++) {
        int label = (start + i) % count;
        places.set(label, best(label));
      }
    }
    List<Rectangle2D> found = new ArrayList<>();
    for (Rectangle2D place : places) {
      found.add(Objects.requireNonNull(place));
    }
    return found;
  }

  private Rectangle2D best(int label) {
    Rectangle2D best = at(label, DISTANCES[0], 0);
    double least = Double.POSITIVE_INFINITY;
    for (double distance : DISTANCES) {
      for (int direction = 0; direction < DIRECTIONS; direction++) {
        double angle = 2 * Math.PI * direction / DIRECTIONS;
        Rectangle2D place = at(label, distance, angle);
        // Near is better than far, and beside is a little better than above or below.
        double cost = distance + 4 * Math.abs(Math.sin(angle)) + (Math.cos(angle) < 0 ? 2 : 0);
        cost += cost(label, place);
        if (cost < least) {
          least = cost;
          best = place;
        }
      }
    }
    return best;
  }

  private Rectangle2D at(int label, double distance, double angle) {
    Point2D point = points.get(label);
    double width = sizes.get(label)[0];
    double height = sizes.get(label)[1];
    double x = point.getX() + Math.cos(angle) * (distance + width / 2);
    double y = point.getY() + Math.sin(angle) * (distance + height / 2);
    return new Rectangle2D.Double(x - width / 2, y - height / 2, width, height);
  }

  private double cost(int label, Rectangle2D place) {
    if (!bounds.contains(place)) {
      return Double.MAX_VALUE;
    }
    double cost = 0;
    Line2D leader = leader(points.get(label), place);
    for (int other = 0; other < points.size(); other++) {
      Rectangle2D taken = places.get(other);
      Rectangle2D dot = dot(points.get(other));
      cost += place.intersects(dot) ? COVERED_POINT : 0;
      if (other != label) {
        cost += leader.intersects(dot) ? CROSSED_LEADER : 0;
        if (taken != null) {
          cost += place.intersects(taken) ? COVERED_LABEL : 0;
          cost += leader.intersects(taken) ? CROSSED_LINE : 0;
          Line2D crossed = leader(points.get(other), taken);
          cost += crossed.intersects(place) ? CROSSED_LINE : 0;
          cost += crossed.intersectsLine(leader) ? CROSSED_LEADER : 0;
        }
      }
    }
    for (Line2D line : lines) {
      cost += line.intersects(place) ? CROSSED_LINE : 0;
    }
    return cost;
  }

  private static Rectangle2D dot(Point2D point) {
    return new Rectangle2D.Double(point.getX() - POINT, point.getY() - POINT, 2 * POINT, 2 * POINT);
  }

  /** The straight line from a point to the nearest edge of its label. */
  static Line2D leader(Point2D point, Rectangle2D place) {
    double x = Math.clamp(point.getX(), place.getMinX(), place.getMaxX());
    double y = Math.clamp(point.getY(), place.getMinY(), place.getMaxY());
    return new Line2D.Double(point.getX(), point.getY(), x, y);
  }
}
