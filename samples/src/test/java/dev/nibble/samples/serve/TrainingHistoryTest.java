package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonValue;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainingHistoryTest {
  private static List<Long> steps(long count) {
    TrainingHistory history = new TrainingHistory();
    for (long step = 1; step <= count; step++) {
      history.step(step, 1.0 / step, Double.NaN);
    }
    List<JsonValue> points = history.toJson().get("steps").asList();
    return points.stream().map(p -> p.asList().getFirst().asLong()).toList();
  }

  @Test
  void keepsAllOfAFewSteps() {
    assertThat(steps(0)).isEmpty();
    assertThat(steps(3)).containsExactly(1L, 2L, 3L);
    assertThat(steps(1999)).hasSize(1999);
  }

  @Test
  void thinsManyEvenlyAndKeepsTheLast() {
    for (long count : new long[] {2000, 2001, 10_000, 123_457}) {
      List<Long> steps = steps(count);
      assertThat(steps).hasSizeBetween(900, 2000).isSorted().doesNotHaveDuplicates();
      assertThat(steps.getFirst()).isEqualTo(1);
      assertThat(steps.getLast()).isEqualTo(count);
    }
  }
}
