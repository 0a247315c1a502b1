package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exec.GradientCheck.Difference;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.StoreFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The check that users run, in single precision. It sees errors of some per cent; {@code
 * ReferenceTest} compares the same networks' gradients with a reference to a thousandth.
 */
class GradientCheckTest {
  private static final int BATCH = 4;
  private static final double STEP = 3e-4;

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void everyParametersGradientIsTheSlopeOfTheLoss(Network network) {
    try (TestSession test = TestSession.training(network, StoreFormat.FP32, false, BATCH, 6)) {
      float[] weights = test.session().weights().toArray(JAVA_FLOAT);
      double differences = 0;
      double sizes = 0;
      test.load();
      for (Parameter parameter : network.parameters()) {
        if (parameter.kind().trainable()) {
          for (int seed = 0; seed < 2; seed++) {
            Difference d =
                GradientCheck.check(test.session(), parameter, test.labels(), BATCH, STEP, seed);
            differences += Math.pow(d.analytic() - d.numeric(), 2);
            sizes += d.numeric() * d.numeric();
          }
        }
      }
      assertThat(Math.sqrt(differences / sizes))
          .as("relative error of the slopes along all directions")
          .isLessThan(0.02);
      assertThat(test.session().weights().toArray(JAVA_FLOAT)).containsExactly(weights);
    }
  }

  /** Smoothed labels make another loss, and it has another slope. */
  @Test
  void soItIsWithSmoothedLabels() {
    Network network = SampleNetworks.preActivation();
    PlanOptions options = PlanOptions.training(BATCH, StoreFormat.FP32, false);
    double[][] slopes = new double[2][];
    for (int i = 0; i < 2; i++) {
      SessionOptions run = new SessionOptions(1, i == 0 ? 0 : 0.3);
      try (TestSession test = new TestSession(network, options, run, 6)) {
        test.load();
        Parameter head = network.parameter("fc.weight");
        Difference d = GradientCheck.check(test.session(), head, test.labels(), BATCH, 1e-2, 1);
        assertThat(d.relative(1e-3)).isLessThan(0.005);
        slopes[i] = new double[] {d.analytic(), test.session().lossSum()};
      }
    }
    assertThat(Math.abs(slopes[0][0] - slopes[1][0])).isGreaterThan(0.05 * Math.abs(slopes[0][0]));
    assertThat(slopes[1][1]).isNotEqualTo(slopes[0][1]);
  }

  @Test
  void anErrorOfTwoPerCentShows() {
    Parameter parameter = SampleNetworks.preActivation().parameter("fc.bias");
    assertThat(new Difference(parameter, 1.02, 1).relative(1e-3)).isGreaterThan(0.019);
    assertThat(new Difference(parameter, -1, 1).relative(1e-3)).isEqualTo(2);
    assertThat(new Difference(parameter, 1e-6, 0).relative(1e-3)).isLessThan(0.002);
  }

  /** Two bits store too little for an exact gradient, and the check says so. */
  @Test
  void theCheckFindsApproximateGradients() {
    Network network = SampleNetworks.preActivation();
    try (TestSession test = TestSession.training(network, StoreFormat.INT2, false, BATCH, 6)) {
      test.load();
      double worst = 0;
      for (int seed = 0; seed < 2; seed++) {
        Parameter parameter = network.parameter("one.conv1.weight");
        worst =
            Math.max(
                worst,
                GradientCheck.check(test.session(), parameter, test.labels(), BATCH, STEP, seed)
                    .relative(1e-3));
      }
      assertThat(worst).isGreaterThan(0.02);
    }
  }
}
