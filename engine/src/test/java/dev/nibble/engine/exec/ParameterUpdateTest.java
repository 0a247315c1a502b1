package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps against a plain computation in double precision, and clipping and groups of batches. */
class ParameterUpdateTest {
  /** A rule with all that there is. */
  static final UpdateRule EVERYTHING =
      new UpdateRule(Optimizer.adamW(0.9, 0.999, 1e-8, 0.01), 1, 2, 0.99);

  private static final float[] RATES = {0.03f, 0.05f, 0.02f, 0.04f};

  private static PlanOptions options(int batch, UpdateRule rule) {
    return PlanOptions.training(batch, StoreFormat.FP32, false).withUpdate(rule);
  }

  /** Dense layers, one of them larger than two chunks. */
  private static Network wide() {
    NetworkBuilder b = Network.builder("wide", new FeatureMap(1, 1, 70));
    NetworkBuilder.Node x = b.relu(b.dense("one", b.input(), 500));
    return b.build(b.dense("two", x, 11));
  }

  /** One value's optimiser, after its formula. */
  private static final class Reference {
    double w;
    double m;
    double s;

    Reference(double w) {
      this.w = w;
    }

    void step(Optimizer optimizer, double gradient, double rate, boolean decayed, int t) {
      double decay = decayed ? optimizer.weightDecay() : 0;
      switch (optimizer) {
        case Optimizer.Sgd o -> {
          double g = gradient + decay * w;
          m = o.momentum() * m + g;
          w -= rate * (o.nesterov() ? g + o.momentum() * m : m);
        }
        case Optimizer.AdamW o -> {
          m = o.beta1() * m + (1 - o.beta1()) * gradient;
          s = o.beta2() * s + (1 - o.beta2()) * gradient * gradient;
          double mean = m / (1 - Math.pow(o.beta1(), t));
          double square = s / (1 - Math.pow(o.beta2(), t));
          w -= rate * decay * w + rate * mean / (Math.sqrt(square) + o.epsilon());
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sgd", "nesterov", "adamw"})
  void fourStepsAreThoseOfTheFormula(String name) {
    Optimizer optimizer =
        switch (name) {
          case "sgd" -> Optimizer.sgd(0.9, 0.1);
          case "nesterov" -> Optimizer.nesterov(0.8, 0.1);
          default -> Optimizer.adamW(0.85, 0.98, 1e-6, 0.2);
        };
    assertThat(optimizer.name()).isEqualTo(name);
    Network network = SampleNetworks.preActivation();
    try (TestSession test = new TestSession(network, options(5, UpdateRule.of(optimizer)), 2, 3)) {
      Session session = test.session();
      float[] start = session.weights().toArray(JAVA_FLOAT);
      Reference[] references = new Reference[start.length];
      for (int i = 0; i < start.length; i++) {
        references[i] = new Reference(start[i]);
      }
      for (int t = 1; t <= RATES.length; t++) {
        assertThat(test.step(RATES[t - 1])).isTrue();
        assertThat(session.update().steps()).isEqualTo(t);
        float[] gradients = session.gradients().toArray(JAVA_FLOAT);
        float[] weights = session.weights().toArray(JAVA_FLOAT);
        for (Parameter parameter : network.parameters()) {
          if (parameter.kind().trainable()) {
            for (int i = parameter.offset(); i < parameter.offset() + parameter.size(); i++) {
              boolean decayed = parameter.shape().length > 1;
              references[i].step(optimizer, gradients[i], RATES[t - 1], decayed, t);
              assertThat((double) weights[i])
                  .as("%s [%d] after step %d", parameter.name(), i, t)
                  .isCloseTo(references[i].w, within(1e-6));
            }
          }
        }
      }
      assertThat(session.weights().toArray(JAVA_FLOAT)).isNotEqualTo(start);
      session.update().reset();
      assertThat(TestSession.optimizerState(session)).containsOnly(0);
      assertThat(session.update().steps()).isZero();
    }
  }

  private static double norm(float[] gradients) {
    double sum = 0;
    for (float gradient : gradients) {
      sum += (double) gradient * gradient;
    }
    return Math.sqrt(sum);
  }

  @Test
  void longGradientsAreShortenedAndShortOnesAreNot() {
    Network network = wide();
    float[] gradients;
    byte[] plain;
    try (TestSession test = new TestSession(network, options(6, UpdateRule.recipe()), 1, 9)) {
      assertThat(test.step(0.1f)).isTrue();
      gradients = test.session().gradients().toArray(JAVA_FLOAT);
      plain = test.session().weights().toArray(JAVA_BYTE);
      assertThat(test.session().update().gradientNorm()).isNaN();
    }
    double norm = norm(gradients);
    for (double longest : new double[] {norm / 3, norm * 1.001}) {
      UpdateRule rule = new UpdateRule(Optimizer.recipe(), longest, 1, 0);
      try (TestSession test = new TestSession(network, options(6, rule), 2, 9)) {
        assertThat(test.step(0.1f)).isTrue();
        Session session = test.session();
        assertThat(session.update().gradientNorm()).isCloseTo(norm, within(1e-12 * norm));
        float[] clipped = session.gradients().toArray(JAVA_FLOAT);
        if (longest > norm) {
          assertThat(clipped).isEqualTo(gradients);
          assertThat(session.weights().toArray(JAVA_BYTE)).isEqualTo(plain);
        } else {
          assertThat(norm(clipped)).isCloseTo(longest, within(1e-6 * longest));
          for (int i = 0; i < clipped.length; i++) {
            double expected = gradients[i] * longest / (norm + 1e-6);
            assertThat((double) clipped[i])
                .isCloseTo(expected, within(1e-6 * Math.abs(expected) + 1e-12));
          }
        }
      }
    }
  }

  /** The loss is ln 3, but the first layer's gradients are too large for a float. */
  @Test
  void gradientsThatCannotBeClippedChangeNothing() {
    NetworkBuilder b = Network.builder("steep", new FeatureMap(1, 1, 2));
    Network network = b.build(b.dense("two", b.dense("one", b.input(), 2), 3));
    UpdateRule rule = new UpdateRule(Optimizer.recipe(), 1, 1, 0);
    try (TestSession test = new TestSession(network, options(2, rule), 1, 1)) {
      Session session = test.session();
      session.weights().fill((byte) 0);
      for (int i = 0; i < 6; i++) {
        session.values(network.parameter("two.weight")).set(JAVA_FLOAT, 4L * i, i * 1e30f);
      }
      byte[] before = session.weights().toArray(JAVA_BYTE);
      for (int i = 0; i < 4; i++) {
        session.input().set(JAVA_FLOAT, 4L * i, 1e12f);
      }
      assertThat(session.train(test.labels(), 2, 0.1f)).isFalse();
      assertThat(session.lossSum()).isCloseTo(2 * Math.log(3), within(1e-6));
      assertThat(session.update().gradientNorm()).isNotFinite();
      assertThat(session.weights().toArray(JAVA_BYTE)).isEqualTo(before);
      assertThat(TestSession.optimizerState(session)).containsOnly(0);
      assertThat(session.update().steps()).isZero();
    }
  }

  /** Batches of unequal size, too: every picture counts alike. */
  @Test
  void severalBatchesAreOneLargeOneWhereThereIsNoBatchNorm() {
    Network network = SampleNetworks.plainWithoutNorm();
    int[] batches = {4, 1, 3};
    int values = network.input().values();
    UpdateRule grouped = new UpdateRule(Optimizer.recipe(), 0, batches.length, 0);
    try (TestSession one = new TestSession(network, options(8, UpdateRule.recipe()), 2, 5);
        TestSession several = new TestSession(network, options(4, grouped), 2, 5)) {
      several.session().weights().copyFrom(one.session().weights());
      for (int step = 0; step < 2; step++) {
        assertThat(one.step(0.05f)).isTrue();
        double loss = 0;
        int first = 0;
        for (int batch = 0; batch < batches.length; batch++) {
          int count = batches[batch];
          MemorySegment.copy(
              one.pictures(),
              first * values,
              several.session().input(),
              JAVA_FLOAT,
              0,
              count * values);
          several
              .labels()
              .asSlice(0, 4L * count)
              .copyFrom(one.labels().asSlice(4L * first, 4L * count));
          boolean last = batch == batches.length - 1;
          assertThat(
                  last
                      ? several.session().train(several.labels(), count, 0.05f)
                      : several.session().accumulate(several.labels(), count))
              .isTrue();
          loss += several.session().lossSum();
          first += count;
        }
        assertThat(several.session().update().steps()).isEqualTo(step + 1);
        assertThat(loss).isCloseTo(one.session().lossSum(), within(1e-5));
        assertNear("gradients", several.session().gradients(), one.session().gradients());
        assertNear("weights", several.session().weights(), one.session().weights());
      }
    }
  }

  private static void assertNear(String what, MemorySegment actual, MemorySegment expected) {
    float[] a = actual.toArray(JAVA_FLOAT);
    float[] b = expected.toArray(JAVA_FLOAT);
    for (int i = 0; i < b.length; i++) {
      assertThat(a[i]).as("%s [%d]", what, i).isCloseTo(b[i], within(2e-6f));
    }
  }

  @Test
  void aBatchWhoseLossIsNotANumberTakesItsGroupAlong() {
    Network network = SampleNetworks.plainWithoutNorm();
    UpdateRule grouped = new UpdateRule(Optimizer.recipe(), 0, 2, 0);
    byte[][] weights = new byte[2][];
    for (int i = 0; i < 2; i++) {
      try (TestSession test = new TestSession(network, options(4, grouped), 1, 5)) {
        Session session = test.session();
        if (i == 1) {
          test.load();
          assertThat(session.accumulate(test.labels(), 4)).isTrue();
          test.load();
          session.input().set(JAVA_FLOAT, 0, Float.NaN);
          assertThat(session.accumulate(test.labels(), 4)).isFalse();
        }
        test.load();
        assertThat(session.accumulate(test.labels(), 4)).isTrue();
        assertThat(test.step(0.05f)).isTrue();
        weights[i] = session.weights().toArray(JAVA_BYTE);
      }
    }
    assertThat(weights[1]).isEqualTo(weights[0]);
  }

  @Test
  void aSessionForOneBatchAStepTakesNoMore() {
    Network network = SampleNetworks.perceptron();
    try (TestSession test = TestSession.training(network, StoreFormat.FP32, false, 3, 1)) {
      test.load();
      assertThatThrownBy(() -> test.session().accumulate(test.labels(), 3))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("one batch a step");
    }
  }

  @Test
  void anyNumberOfThreadsGivesTheSameBytes() {
    byte[][] single = trainWithEverything(1);
    for (int threads : new int[] {2, 3, 5}) {
      assertThat(trainWithEverything(threads)).as("%d threads", threads).isDeepEqualTo(single);
    }
  }

  private static byte[][] trainWithEverything(int threads) {
    try (TestSession test = new TestSession(wide(), options(6, EVERYTHING), threads, 2)) {
      Session session = test.session();
      for (int step = 0; step < 4; step++) {
        test.load();
        assertThat(session.accumulate(test.labels(), 6)).isTrue();
        test.load();
        assertThat(session.train(test.labels(), 5, 0.01f)).isTrue();
      }
      byte[] trained = session.weights().toArray(JAVA_BYTE);
      session.kept().use(KeptWeights.Version.AVERAGE);
      return new byte[][] {
        trained, TestSession.optimizerState(session), session.weights().toArray(JAVA_BYTE)
      };
    }
  }
}
