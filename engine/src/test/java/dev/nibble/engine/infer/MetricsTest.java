package dev.nibble.engine.infer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.data.Task;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Figures against those counted by hand. */
class MetricsTest {
  private static double of(Metrics metrics, String name) {
    return Objects.requireNonNull(metrics.figures().get(name));
  }

  private static double of(Metrics metrics, String output, String name) {
    return Objects.requireNonNull(Objects.requireNonNull(metrics.byName().get(output)).get(name));
  }

  @Test
  void classes() {
    Metrics metrics = Metrics.of(Task.CLASSIFICATION, List.of("a", "b", "c", "d", "e", "f"));
    metrics.add(new float[] {9, 1, 2, 3, 4, 5}, new float[] {1, 0, 0, 0, 0, 0}); // right
    metrics.add(new float[] {9, 1, 2, 3, 4, 5}, new float[] {0, 1, 0, 0, 0, 0}); // the last of six
    metrics.add(new float[] {9, 1, 2, 3, 4, 5}, new float[] {0, 0, 1, 0, 0, 0}); // in the top 5
    metrics.add(
        new float[] {Float.NaN, 1, 2, 3, 4, 5}, new float[] {1, 0, 0, 0, 0, 0}); // no answer
    assertThat(metrics.pictures()).isEqualTo(4);
    assertThat(metrics.score()).isEqualTo(0.25).isEqualTo(of(metrics, "accuracy"));
    assertThat(of(metrics, "top5_accuracy")).isEqualTo(0.5);
    assertThat(of(metrics, "a", "precision")).isCloseTo(1 / 3.0, within(1e-12));
    assertThat(of(metrics, "a", "recall")).isEqualTo(0.5);
    assertThat(of(metrics, "a", "f1")).isCloseTo(2.0 / 5, within(1e-12));
    assertThat(of(metrics, "mean_f1")).isCloseTo(0.4 / 3, within(1e-12));
    assertThat(of(metrics, "f", "precision")).isNaN();
  }

  /** Average precision: precision where each picture of the label is found; equal ones together. */
  @Test
  void labels() {
    Metrics metrics = Metrics.of(Task.MULTI_LABEL, List.of("x", "never"));
    float[] outputs = {0.9f, -0.2f, 0.4f, 0.4f, 1.5f};
    float[] there = {1, 0, 1, 0, 0};
    for (int i = 0; i < outputs.length; i++) {
      metrics.add(new float[] {outputs[i], -1}, new float[] {there[i], 0});
    }
    assertThat(of(metrics, "x", "average_precision")).isEqualTo(0.5);
    assertThat(of(metrics, "x", "precision")).isEqualTo(0.5);
    assertThat(of(metrics, "x", "recall")).isEqualTo(1);
    assertThat(of(metrics, "never", "average_precision")).isNaN();
    assertThat(metrics.score()).isCloseTo(2 / 3.0, within(1e-12));
    assertThat(of(metrics, "common_f1")).isCloseTo(2 / 3.0, within(1e-12));
    assertThat(of(metrics, "mean_average_precision")).isEqualTo(0.5);
    assertThat(of(metrics, "exact_match")).isEqualTo(0.6);
  }

  /** Also of numbers so large that the sum of their squares would lose the differences. */
  @Test
  void numbers() {
    for (float origin : new float[] {0, 100_000}) {
      Metrics metrics = Metrics.of(Task.REGRESSION, List.of("one", "same"));
      float[] targets = {1, 2, 3, 6};
      float[] errors = {0.5f, -0.5f, 0, 1};
      for (int i = 0; i < 4; i++) {
        metrics.add(
            new float[] {origin + targets[i] + errors[i], 4}, new float[] {origin + targets[i], 4});
      }
      assertThat(of(metrics, "one", "rmse")).isCloseTo(Math.sqrt(1.5 / 4), within(1e-6));
      assertThat(of(metrics, "one", "mae")).isCloseTo(0.5, within(1e-6));
      assertThat(of(metrics, "one", "r2")).isCloseTo(1 - 1.5 / 14, within(1e-6));
      assertThat(of(metrics, "same", "r2")).isNaN();
      assertThat(metrics.score()).isCloseTo(1 - 1.5 / 14, within(1e-6));
      assertThat(of(metrics, "rmse")).isCloseTo(Math.sqrt(1.5 / 8), within(1e-6));
    }
  }
}
