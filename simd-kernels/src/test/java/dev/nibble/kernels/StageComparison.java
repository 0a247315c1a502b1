package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.scalar.ScalarKernels;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Runs a stage, forward and backward, on the providers under test and on the scalar one. */
final class StageComparison {
  /**
   * Cases of each costly operator: three with the machine's own vectors, one where the build only
   * changes their width or what computes a product.
   */
  static final int SEEDS = Integer.getInteger("nibble.contract.seeds", 3);

  private static final double TOLERANCE = 1e-5;

  /** How much larger the terms of a gradient of gamma or beta may be than their sum. */
  private static final double CANCELLED = 20;

  private StageComparison() {}

  /** Fails where a provider under test differs from the scalar one on a stage. */
  static void compare(StageCase run) {
    Kernels scalar = new ScalarKernels();
    StageRun.Result forward = StageRun.forward(scalar, run);
    StageRun.Result backward = run.trains() ? StageRun.backward(scalar, run, forward) : null;
    for (Kernels kernels : Providers.underTest()) {
      String what = kernels.name() + ", " + run;
      StageRun.Result actual = StageRun.forward(kernels, run);
      compare(what, forward.floats(), actual.floats());
      compareStores(what, run, forward.bytes(), actual.bytes());
      if (backward != null) {
        compare(what, backward.floats(), StageRun.backward(kernels, run, forward).floats());
      }
    }
  }

  private static void compare(
      String what, Map<String, float[]> expected, Map<String, float[]> actual) {
    assertThat(actual.keySet()).isEqualTo(expected.keySet());
    expected.forEach(
        (name, values) -> {
          double scale = scale(name, expected, values);
          assertClose(what + ": " + name, values, actual.getOrDefault(name, new float[0]), scale);
        });
  }

  /** What a result's rounding goes by: that of what it is summed of, which may cancel. */
  private static double scale(String name, Map<String, float[]> expected, float[] values) {
    double own = largest(values);
    return switch (name) {
      case "mean" -> Math.max(own, largest(expected.get("y")));
      case "variance" -> Math.max(own, Math.pow(largest(expected.get("y")), 2));
      case "dgamma", "dbeta", "dslope" -> CANCELLED * own;
      default -> own;
    };
  }

  private static double largest(float @Nullable [] values) {
    double max = 0;
    for (float value : values == null ? new float[0] : values) {
      max = Math.max(max, Math.abs(value));
    }
    return max;
  }

  private static void assertClose(String what, float[] expected, float[] actual, double max) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    assertThat(max).as("the largest expected value of %s", what).isFinite();
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs((double) expected[i] - actual[i]);
      if (!(difference <= TOLERANCE * max + 1e-12)) {
        assertThat(actual[i]).as("%s[%d], of at most %s", what, i, max).isEqualTo(expected[i]);
      }
    }
  }

  private static void compareStores(
      String what, StageCase run, Map<String, byte[]> expected, Map<String, byte[]> actual) {
    assertThat(actual.keySet()).as(what).isEqualTo(expected.keySet());
    if (!(run.stage().operator() instanceof GroupNorm)) {
      assertThat(actual.get("saved")).as("%s: saved", what).isEqualTo(expected.get("saved"));
    }
    byte[] store = expected.get("store");
    byte[] other = actual.get("store");
    if (store == null || other == null) {
      return;
    }
    if (run.stage().activation().store().isCodes()) {
      CodeCheck.compare(what, run, store, other);
    } else {
      try (Guarded memory = new Guarded(0, false)) {
        int count = store.length / 4;
        float[] values = Guarded.floats(memory.allocate(store), count);
        assertClose(
            what + ": store",
            values,
            Guarded.floats(memory.allocate(other), count),
            largest(values));
      }
    }
  }
}
