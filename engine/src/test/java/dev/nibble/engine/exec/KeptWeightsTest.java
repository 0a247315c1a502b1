package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.exec.KeptWeights.Version;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.StoreFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The average and the best weights beside those in training. */
class KeptWeightsTest {
  private static final double DECAY = 0.3;

  private static TestSession open(Network network, List<String> frozen) {
    PlanOptions options =
        PlanOptions.training(4, StoreFormat.INT4, false)
            .withFrozen(frozen)
            .withUpdate(new UpdateRule(Optimizer.recipe(), 0, 1, DECAY))
            .withBest(true);
    return new TestSession(network, options, 2, 7);
  }

  @Test
  void theAverageMovesTowardsTheWeightsAfterEveryStep() {
    try (TestSession test = open(SampleNetworks.preActivation(), List.of())) {
      Session session = test.session();
      double[] average = new double[(int) (session.weights().byteSize() / 4)];
      for (int step = 0; step < 8; step++) {
        assertThat(test.step(0.05f)).isTrue();
        double keep = Math.min(DECAY, step / (step + 9.0));
        float[] weights = session.weights().toArray(JAVA_FLOAT);
        session.kept().use(Version.AVERAGE);
        float[] used = session.weights().toArray(JAVA_FLOAT);
        session.kept().use(Version.TRAINED);
        for (int i = 0; i < average.length; i++) {
          average[i] = keep * average[i] + (1 - keep) * weights[i];
          assertThat((double) used[i]).isCloseTo(average[i], within(1e-6));
        }
      }
    }
  }

  @Test
  void frozenLayersAreTheSameInTheAverage() {
    Network network = SampleNetworks.preActivation();
    try (TestSession test = open(network, List.of("stem"))) {
      Session session = test.session();
      byte[] stem = session.values(network.parameter("stem.weight")).toArray(JAVA_BYTE);
      test.step(0.05f);
      test.step(0.05f);
      session.kept().use(Version.AVERAGE);
      assertThat(session.values(network.parameter("stem.weight")).toArray(JAVA_BYTE))
          .isEqualTo(stem);
    }
  }

  @Test
  void everyVersionComesBackAsItWas() {
    try (TestSession test = open(SampleNetworks.preActivation(), List.of())) {
      Session session = test.session();
      KeptWeights kept = session.kept();
      test.step(0.05f);
      test.step(0.05f);
      kept.use(Version.AVERAGE);
      byte[] average = session.weights().toArray(JAVA_BYTE);
      byte[] stateThen = session.runningStatistics().toArray(JAVA_BYTE);
      kept.keepBest();
      kept.use(Version.TRAINED);
      test.step(0.05f);
      byte[] trained = session.weights().toArray(JAVA_BYTE);
      byte[] state = session.runningStatistics().toArray(JAVA_BYTE);
      assertThat(state).isNotEqualTo(stateThen);
      for (Version version :
          new Version[] {Version.BEST, Version.AVERAGE, Version.BEST, Version.TRAINED}) {
        kept.use(version);
        assertThat(kept.inUse()).isEqualTo(version);
        if (version == Version.BEST) {
          assertThat(session.weights().toArray(JAVA_BYTE)).isEqualTo(average);
          assertThat(session.runningStatistics().toArray(JAVA_BYTE)).isEqualTo(stateThen);
        }
      }
      assertThat(session.weights().toArray(JAVA_BYTE)).isEqualTo(trained);
      assertThat(session.runningStatistics().toArray(JAVA_BYTE)).isEqualTo(state);
      assertThat(kept.with(Version.BEST, kept::inUse)).isEqualTo(Version.BEST);
      assertThat(kept.inUse()).isEqualTo(Version.TRAINED);
    }
  }

  @Test
  void trainingNeedsTheTrainedWeights() {
    try (TestSession test = open(SampleNetworks.preActivation(), List.of())) {
      test.step(0.05f);
      test.session().kept().use(Version.AVERAGE);
      byte[] before = test.session().weights().toArray(JAVA_BYTE);
      assertThatThrownBy(() -> test.step(0.05f))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("AVERAGE weights are in use");
      assertThat(test.session().weights().toArray(JAVA_BYTE)).isEqualTo(before);
      test.session().kept().use(Version.BEST);
      assertThatThrownBy(test.session().kept()::keepBest).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void whatWasNotPlannedIsRefused() {
    Network network = SampleNetworks.perceptron();
    try (TestSession test = TestSession.training(network, StoreFormat.FP32, false, 3, 1)) {
      KeptWeights kept = test.session().kept();
      assertThat(kept.buffers()).isEmpty();
      for (Version version : new Version[] {Version.AVERAGE, Version.BEST}) {
        assertThatThrownBy(() -> kept.use(version))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("without " + version);
      }
      assertThatThrownBy(kept::keepBest).isInstanceOf(IllegalStateException.class);
      kept.use(Version.TRAINED);
    }
  }
}
