package dev.nibble.engine.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Gradients that are under way at a time never share memory. */
class GradientWindowTest {
  private static void check(long[] sizes, long all, boolean slices, long seed) {
    GradientWindow window = GradientWindow.of(sizes, all, slices);
    Deque<Integer> underWay = new ArrayDeque<>();
    List<Integer> order = new ArrayList<>();
    for (int i = sizes.length - 1; i >= 0; i--) {
      if (sizes[i] > 0) {
        order.add(i);
      }
    }
    for (int stage : order) {
      if (underWay.size() == window.depth()) {
        underWay.removeFirst();
      }
      long from = window.offset(stage);
      long end = from + sizes[stage];
      assertThat(from).as("seed %d", seed).isGreaterThanOrEqualTo(0);
      assertThat(end).as("seed %d", seed).isLessThanOrEqualTo(window.bytes());
      for (int other : underWay) {
        long begin = window.offset(other);
        assertThat(end <= begin || begin + sizes[other] <= from)
            .as("stages %d and %d, seed %d", stage, other, seed)
            .isTrue();
      }
      underWay.addLast(stage);
    }
  }

  @Test
  void noTwoUnderWayOverlap() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 500; round++) {
      long[] sizes = new long[random.nextInt(12)];
      for (int i = 0; i < sizes.length; i++) {
        sizes[i] = random.nextInt(3) == 0 ? 0 : 64L * (1 + random.nextInt(1000));
      }
      check(sizes, random.nextInt(200_000), random.nextBoolean(), seed);
    }
  }

  @Test
  void littleHasPlacesOfItsOwnAndMuchIsTwoStagesAtATime() {
    long[] sizes = {640, 0, 128, 6400, 64};
    GradientWindow own = GradientWindow.of(sizes, 10_000, false);
    assertThat(own.bytes()).isEqualTo(640 + 128 + 6400 + 64);
    assertThat(own.depth()).isEqualTo(4);
    GradientWindow two = GradientWindow.of(sizes, 5000, false);
    assertThat(two.bytes()).isEqualTo(128 + 6400);
    assertThat(two.depth()).isEqualTo(2);
    GradientWindow none = GradientWindow.of(new long[3], 5000, true);
    assertThat(none.bytes()).isZero();
  }
}
