package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.StoreFormat;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The fused, planned engine against the plain reference in double precision: logits, loss, and the
 * gradient of every parameter, which is compared with the reference's central differences. Those
 * are free of single precision's noise, so that their step is short and a kink of a ReLU within it
 * rare and harmless.
 */
class ReferenceTest {
  private static final int BATCH = 4;
  private static final double STEP = 1e-5;

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void logitsAndLossAreThoseOfThePlainNetwork(Network network) {
    try (TestSession test = TestSession.training(network, StoreFormat.FP32, false, BATCH, 1)) {
      ReferenceNetwork reference = new ReferenceNetwork(network, BATCH);
      Session session = test.session();
      double[] expected = reference.logits(test.parameters(), test.pictures(), true);
      test.load();
      session.gradient(test.labels(), BATCH);
      assertNear("training logits", session.logits().toArray(JAVA_FLOAT), expected);
      double loss = reference.loss(expected, test.labels());
      assertThat(test.loss()).isCloseTo(loss, within(1e-5 * loss));
      // Running statistics have moved; the reference reads them from the session.
      expected = reference.logits(test.parameters(), test.pictures(), false);
      test.load();
      session.predict(BATCH);
      assertNear("inference logits", session.logits().toArray(JAVA_FLOAT), expected);
    }
  }

  private static void assertNear(String what, float[] actual, double[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double most = 0;
    double difference = 0;
    for (int i = 0; i < actual.length; i++) {
      most = Math.max(most, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    }
    assertThat(difference / most).as("relative error of %s", what).isLessThan(1e-5);
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void everyGradientIsTheSlopeOfTheLoss(Network network) {
    try (TestSession test = TestSession.training(network, StoreFormat.FP32, false, BATCH, 2)) {
      test.load();
      test.session().gradient(test.labels(), BATCH);
      ReferenceNetwork reference = new ReferenceNetwork(network, BATCH);
      SplittableRandom random = new SplittableRandom(3);
      for (Parameter parameter : network.parameters()) {
        if (parameter.kind().trainable()) {
          double[] gradient = test.gradient(parameter);
          compare(test, reference, parameter, gradient, random, true);
          compare(test, reference, parameter, gradient, random, false);
        }
      }
    }
  }

  /** Along the gradient itself, where an error cannot cancel, or along a random direction. */
  static void compare(
      TestSession test,
      ReferenceNetwork reference,
      Parameter parameter,
      double[] gradient,
      SplittableRandom random,
      boolean alongGradient) {
    double[] direction = gradient.clone();
    double length = norm(gradient);
    if (!alongGradient || length == 0) {
      for (int i = 0; i < direction.length; i++) {
        direction[i] = random.nextGaussian();
      }
    }
    double scale = 1 / norm(direction);
    double analytic = 0;
    for (int i = 0; i < direction.length; i++) {
      direction[i] *= scale;
      analytic += direction[i] * gradient[i];
    }
    double above = loss(test, reference, parameter, direction, STEP);
    double below = loss(test, reference, parameter, direction, -STEP);
    double numeric = (above - below) / (2 * STEP);
    // A random direction carries about 1/sqrt(size) of the gradient: no relative error below that.
    double size = Math.max(Math.abs(numeric), length / Math.sqrt(direction.length));
    assertThat(Math.abs(analytic - numeric))
        .as("%s: gradient %s, slope of the loss %s", parameter.name(), analytic, numeric)
        .isLessThanOrEqualTo(1e-3 * size + 5e-6);
  }

  private static double norm(double[] values) {
    double square = 0;
    for (double value : values) {
      square += value * value;
    }
    return Math.sqrt(square);
  }

  private static double loss(
      TestSession test,
      ReferenceNetwork reference,
      Parameter parameter,
      double[] direction,
      double step) {
    Map<String, double[]> parameters = test.parameters();
    double[] values = Objects.requireNonNull(parameters.get(parameter.name()));
    for (int i = 0; i < values.length; i++) {
      values[i] += step * direction[i];
    }
    return reference.loss(reference.logits(parameters, test.pictures(), true), test.labels());
  }
}
