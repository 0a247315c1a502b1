package dev.nibble.bench.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.geom.Line2D;
import java.awt.geom.Point2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LabelPlacementTest {
  private static final Rectangle2D BOUNDS = new Rectangle2D.Double(0, 0, 1000, 600);

  @Test
  void labelsOfACrowdCoverNothing() {
    long seed = 7;
    SplittableRandom random = new SplittableRandom(seed);
    Line2D roof = new Line2D.Double(0, 300, 1000, 300);
    LabelPlacement placement = new LabelPlacement(BOUNDS, List.of(roof));
    List<Point2D> points = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      Point2D point =
          new Point2D.Double(300 + 400 * random.nextDouble(), 150 + 300 * random.nextDouble());
      points.add(point);
      placement.add(point, 90, 14);
    }
    List<Rectangle2D> places = placement.place();
    assertThat(places).hasSize(30);
    for (int i = 0; i < places.size(); i++) {
      assertThat(BOUNDS.contains(places.get(i))).as("seed %d, label %d inside", seed, i).isTrue();
      assertThat(places.get(i).intersectsLine(roof)).as("seed %d, roof %d", seed, i).isFalse();
      for (int j = 0; j < i; j++) {
        assertThat(places.get(i).intersects(places.get(j)))
            .as("seed %d, labels %d and %d", seed, i, j)
            .isFalse();
      }
      for (Point2D point : points) {
        assertThat(places.get(i).contains(point)).as("seed %d, label %d", seed, i).isFalse();
      }
    }
  }

  @Test
  void aLonelyLabelStandsBesideItsPoint() {
    LabelPlacement placement = new LabelPlacement(BOUNDS, List.of());
    placement.add(new Point2D.Double(500, 300), 80, 14);
    Rectangle2D place = placement.place().getFirst();
    assertThat(place.getCenterY()).isEqualTo(300);
    assertThat(place.getMinX()).isBetween(500.0, 515.0);
  }
}
