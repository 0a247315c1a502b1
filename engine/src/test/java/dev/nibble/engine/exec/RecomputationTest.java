package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.Recomputation;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Computing activations twice gives the gradients of storing them, to the last bit. */
class RecomputationTest {
  private static final int BATCH = 5;

  private static byte[] gradients(ExecutionPlan plan, int threads) {
    Network network = plan.graph().network();
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Session session =
            Session.open(plan, SessionOptions.of(threads), TestKernels.chosen(), account);
        Arena arena = Arena.ofConfined()) {
      assertThat(session.usedBytes())
          .isEqualTo(Session.bytes(plan, SessionOptions.of(threads), TestKernels.chosen()));
      Initializer.initialize(session, 3);
      SplittableRandom random = new SplittableRandom(8);
      MemorySegment labels = arena.allocate(4L * BATCH, 64);
      for (int step = 0; step < 2; step++) {
        for (int i = 0; i < BATCH * network.input().values(); i++) {
          session.input().setAtIndex(JAVA_FLOAT, i, random.nextFloat() * 2 - 1);
        }
        for (int i = 0; i < BATCH; i++) {
          labels.setAtIndex(JAVA_INT, i, random.nextInt(network.classes()));
        }
        session.train(labels, BATCH - step, 0.01f);
      }
      return session.gradients().toArray(JAVA_BYTE);
    }
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void gradientsAreThoseOfStoring(Network network) {
    for (StoreFormat store : List.of(StoreFormat.INT4, StoreFormat.FP32)) {
      PlanOptions options = PlanOptions.training(BATCH, store, false);
      ExecutionPlan stored = ExecutionPlan.of(network, options);
      List<List<LayerRange>> ways = Recomputation.ways(stored);
      if (ways.isEmpty()) {
        continue;
      }
      byte[] expected = gradients(stored, 2);
      for (List<LayerRange> way : List.of(ways.getFirst(), ways.getLast())) {
        ExecutionPlan twice = ExecutionPlan.of(network, options.withRecomputed(way));
        assertThat(gradients(twice, 2))
            .as("%s, %s, %s", network.name(), store, way)
            .isEqualTo(expected);
      }
    }
  }

  @Test
  void gradientsDoNotDependOnThreads() {
    Network network = ResNet.of("resnet29", new FeatureMap(16, 16, 3), 10);
    PlanOptions options = PlanOptions.training(BATCH, StoreFormat.INT4, false);
    ExecutionPlan stored = ExecutionPlan.of(network, options);
    byte[] expected = gradients(stored, 1);
    List<List<LayerRange>> ways = Recomputation.ways(stored);
    for (int i = 0; i < ways.size(); i++) {
      ExecutionPlan twice = ExecutionPlan.of(network, options.withRecomputed(ways.get(i)));
      assertThat(gradients(twice, 1 + i % 3)).as("%s", ways.get(i)).isEqualTo(expected);
    }
  }

  @Test
  void whatIsNoRunIsRefused() {
    Network network = ResNet.of("resnet8", new FeatureMap(16, 16, 3), 10);
    PlanOptions options = PlanOptions.training(BATCH, StoreFormat.INT4, false);
    List<LayerRange> backwards = List.of(new LayerRange("stages.0.blocks.0.units.1.conv", "stem"));
    assertThatThrownBy(() -> ExecutionPlan.of(network, options.withRecomputed(backwards)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has no run of layers");
    assertThatThrownBy(
            () ->
                ExecutionPlan.of(
                    network,
                    PlanOptions.training(BATCH, StoreFormat.INT4, true)
                        .withRecomputed(List.of(new LayerRange("stem", "stem")))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("exact activations");
  }
}
