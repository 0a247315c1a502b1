package dev.nibble.engine.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** No buffer is overwritten before its last reader, whatever the network and the mode. */
class PlanReplayTest {
  private static final UpdateRule EVERYTHING =
      new UpdateRule(Optimizer.adamW(0.9, 0.999, 1e-8, 0.01), 1, 2, 0.99);

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void noValueIsOverwrittenBeforeItsLastReader(Network network) {
    for (StoreFormat store : new StoreFormat[] {StoreFormat.FP32, StoreFormat.INT4}) {
      for (boolean naive : new boolean[] {false, true}) {
        if (!naive || store.isCodes()) {
          PlanOptions options = PlanOptions.training(5, store, naive);
          replay(network, options);
          replay(network, options.withUpdate(EVERYTHING).withBest(true));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void norWithFrozenLayers(Network network) {
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 12; i++) {
      List<String> frozen = List.copyOf(SampleNetworks.randomPrefix(network, random));
      for (StoreFormat store : new StoreFormat[] {StoreFormat.FP32, StoreFormat.INT4}) {
        ExecutionPlan plan =
            ExecutionPlan.of(network, PlanOptions.training(5, store, false).withFrozen(frozen));
        assertThat(new PlanReplay(plan).run()).as("frozen %s", frozen).isPositive();
      }
    }
  }

  @Test
  void norInADeepNetwork() {
    Network network = ResNet.of("resnet164", new FeatureMap(32, 32, 3), 10);
    replay(network, PlanOptions.training(128, StoreFormat.INT4, false));
  }

  private static void replay(Network network, PlanOptions options) {
    ExecutionPlan plan = ExecutionPlan.of(network, options);
    // Every stage reads its input on the way there and its output's gradient on the way back.
    assertThat(new PlanReplay(plan).run()).isGreaterThan(2 * plan.graph().stages().size());
  }
}
