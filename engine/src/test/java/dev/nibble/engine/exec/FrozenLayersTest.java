package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Layers that are not trained: they stay as they are, store nothing, and the rest is right. */
class FrozenLayersTest {
  private static final int BATCH = 4;
  private static final FeatureMap PICTURES = new FeatureMap(8, 8, 3);

  private static PlanOptions options(StoreFormat store, Set<String> frozen) {
    return PlanOptions.training(BATCH, store, false).withFrozen(List.copyOf(frozen));
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void gradientsAreTheSlopesOfTheLossWithRunningStatistics(Network network) {
    SplittableRandom random = new SplittableRandom(11);
    for (int draw = 0; draw < 3; draw++) {
      Set<String> frozen = SampleNetworks.randomPrefix(network, random);
      ReferenceNetwork reference = new ReferenceNetwork(network, BATCH, frozen);
      try (TestSession test =
          new TestSession(network, options(StoreFormat.FP32, frozen), 2, 7 + draw)) {
        Map<String, double[]> before = test.parameters();
        double[] expected = reference.logits(before, test.pictures(), true);
        test.load();
        test.session().gradient(test.labels(), BATCH);
        double loss = reference.loss(expected, test.labels());
        assertThat(Math.abs(test.loss() - loss)).as("frozen %s", frozen).isLessThan(1e-5 * loss);
        for (Parameter parameter : network.parameters()) {
          if (test.session().plan().isTrained(parameter)) {
            double[] gradient = test.gradient(parameter);
            ReferenceTest.compare(test, reference, parameter, gradient, random, true);
            ReferenceTest.compare(test, reference, parameter, gradient, random, false);
          }
        }
      }
    }
  }

  /** Batch norms with running statistics: scales, shifts and all before them are trained. */
  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void runningStatisticsLetGradientsThroughAsTheyAre(Network network) {
    SplittableRandom random = new SplittableRandom(13);
    Set<String> norms = new HashSet<>();
    for (Parameter parameter : network.parameters()) {
      if (parameter.kind() == Parameter.Kind.SCALE) {
        norms.add(parameter.name().substring(0, parameter.name().lastIndexOf('.')));
      }
    }
    ReferenceNetwork reference = new ReferenceNetwork(network, BATCH, norms);
    PlanOptions options =
        PlanOptions.training(BATCH, StoreFormat.FP32, false).withFrozenNorms(true);
    try (TestSession test = new TestSession(network, options, 2, 6)) {
      Map<String, byte[]> before = bytes(test.session());
      double loss =
          reference.loss(reference.logits(test.parameters(), test.pictures(), true), test.labels());
      test.load();
      test.session().gradient(test.labels(), BATCH);
      assertThat(Math.abs(test.loss() - loss)).isLessThan(1e-5 * loss);
      for (Parameter parameter : network.parameters()) {
        if (test.session().plan().isTrained(parameter)) {
          double[] gradient = test.gradient(parameter);
          ReferenceTest.compare(test, reference, parameter, gradient, random, true);
          ReferenceTest.compare(test, reference, parameter, gradient, random, false);
        } else {
          assertThat(bytes(test.session()).get(parameter.name()))
              .isEqualTo(before.get(parameter.name()));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void stepsLeaveThemAsTheyAre(Network network) {
    SplittableRandom random = new SplittableRandom(12);
    for (StoreFormat store : new StoreFormat[] {StoreFormat.INT4, StoreFormat.INT8}) {
      Set<String> frozen = SampleNetworks.randomPrefix(network, random);
      try (TestSession test = new TestSession(network, options(store, frozen), 2, 3)) {
        Map<String, byte[]> before = bytes(test.session());
        for (int i = 0; i < 3; i++) {
          assertThat(test.step(0.01f)).isTrue();
        }
        Map<String, byte[]> after = bytes(test.session());
        for (Parameter parameter : network.parameters()) {
          String name = parameter.name();
          boolean fixed = frozen.contains(name.substring(0, name.lastIndexOf('.')));
          // A bias before a batch norm has no gradient; everything else that is trained moves.
          if (fixed) {
            assertThat(after.get(name)).as(name).isEqualTo(before.get(name));
          } else if (parameter.kind() != Parameter.Kind.BIAS) {
            assertThat(after.get(name)).as(name).isNotEqualTo(before.get(name));
          }
        }
      }
    }
  }

  private static Map<String, byte[]> bytes(Session session) {
    Map<String, byte[]> all = new HashMap<>();
    for (Parameter parameter : session.network().parameters()) {
      all.put(parameter.name(), session.values(parameter).toArray(JAVA_BYTE));
    }
    return all;
  }

  @Test
  void aFrozenTrunkStoresNothing() {
    Network network = ResNet.of("resnet20", PICTURES, 10);
    PlanOptions all = PlanOptions.training(BATCH, StoreFormat.INT4, false);
    ExecutionPlan head =
        ExecutionPlan.of(network, all.withFrozen(List.of("stem", "stages", "head.bn")));
    assertThat(head.bytes(Kind.STORE)).isZero();
    ExecutionPlan lastGroup =
        ExecutionPlan.of(network, all.withFrozen(List.of("stem", "stages.0", "stages.1")));
    assertThat(lastGroup.all().stream().filter(b -> b.kind() == Kind.STORE).map(b -> b.name()))
        .isNotEmpty()
        .noneMatch(name -> name.matches("store (stem|stages\\.[01]).*"));
    long whole = ExecutionPlan.of(network, all).memory().totalBytes();
    assertThat(lastGroup.memory().totalBytes()).isLessThan(whole);
  }

  @Test
  void namesMustMakeSense() {
    Network network = ResNet.of("resnet8", PICTURES, 10);
    assertThatThrownBy(() -> plan(network, "stages.7"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("resnet8 has no layer 'stages.7' to freeze: its first layers are");
    assertThatThrownBy(() -> plan(network, "stages.0"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "stages.0.blocks.0.units.0.bn cannot be frozen while stem, which it depends on, is"
                + " trained: freeze that too.");
    assertThatThrownBy(() -> plan(network, "stem", "stages", "head"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("leave at least one to train");
  }

  private static ExecutionPlan plan(Network network, String... frozen) {
    return ExecutionPlan.of(
        network, PlanOptions.training(BATCH, StoreFormat.INT4, false).withFrozen(List.of(frozen)));
  }
}
