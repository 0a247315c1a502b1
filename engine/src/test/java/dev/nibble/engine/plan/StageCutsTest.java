package dev.nibble.engine.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Work for every core, and what a core works in, on the networks that everyone means. */
class StageCutsTest {
  private static final int LEAST = 32;

  private static ExecutionPlan plan(String model, int size, int batch) {
    Network network = NamedNetworks.of(model, new FeatureMap(size, size, 3), 1000);
    return ExecutionPlan.of(network, PlanOptions.training(batch, StoreFormat.INT4, false));
  }

  @ParameterizedTest
  @CsvSource({"resnet50, 8", "resnet50, 33", "resnet18, 8", "resnet152, 16"})
  void everyPassOfEveryStageIsCutForManyThreads(String model, int batch) {
    ExecutionPlan plan = plan(model, 224, batch);
    for (Node node : plan.graph().stages()) {
      StageCuts cuts = plan.cuts(node.index());
      assertThat(cuts.forward().leaves()).as("forward, %s", node).isGreaterThanOrEqualTo(LEAST);
      assertThat(cuts.backward().leaves()).as("backward, %s", node).isGreaterThanOrEqualTo(LEAST);
      if (node.weight() != null) {
        // No block of weights is less than 16 by 16.
        int least = Math.min(LEAST, node.weight().size() / 256);
        assertThat(cuts.weights().leaves()).as("weights, %s", node).isGreaterThanOrEqualTo(least);
      }
    }
  }

  @Test
  void groupsShareOutAllPicturesOnce() {
    for (int batch = 1; batch <= 70; batch++) {
      Cut cut = new Cut(Math.min(batch, Cut.LEAVES), 3);
      for (int count = 1; count <= batch; count++) {
        int next = 0;
        for (int leaf = 0; leaf < cut.leaves(); leaf++) {
          assertThat(cut.group(leaf) * cut.parts() + cut.part(leaf)).isEqualTo(leaf);
          if (cut.part(leaf) == 0) {
            assertThat(cut.from(leaf, count)).isEqualTo(next);
            next = cut.to(leaf, count);
          }
        }
        assertThat(next).as("pictures of %d in a batch of %d", count, batch).isEqualTo(count);
      }
    }
  }

  /** Of what is not trained only the weights are held: no gradient, momentum or partial sum. */
  @Test
  void frozenLayersHoldTheirWeightsOnly() {
    Network network = NamedNetworks.of("resnet18", new FeatureMap(224, 224, 3), 1000);
    List<String> all = List.of("conv1", "bn1", "layer1", "layer2", "layer3", "layer4");
    PlanOptions options = PlanOptions.training(16, StoreFormat.INT4, false).withFrozen(all);
    ExecutionPlan plan = ExecutionPlan.of(network, options);
    PersistentBuffers buffers = plan.buffers().persistent();
    long head = 4L * (512 * 1000 + 1000);
    for (Buffer buffer : buffers.optimizerState()) {
      assertThat(buffer.bytes()).as(buffer.name()).isBetween(head, head + 256);
    }
    long limit = ByteSize.parse("150MiB");
    assertThat(plan.memory().totalBytes()).isLessThanOrEqualTo(limit);
  }

  /** Half a second-level cache holds a band; all of a thread's scratch stays below 2 MiB. */
  @ParameterizedTest
  @CsvSource({"resnet152, 224", "resnet152, 512", "resnet18, 512", "wide_resnet50_2, 224"})
  void aThreadsScratchIsBounded(String model, int size) {
    Kernels kernels = TestKernels.chosen();
    if (!kernels.name().equals("vector")) {
      return; // the specification takes pictures whole
    }
    ExecutionPlan plan = plan(model, size, 8);
    for (Node node : plan.graph().stages()) {
      long bytes = 4L * kernels.scratchFloats(plan.stage(node.index()));
      assertThat(bytes).as("%s, %s", node.name(), node.operator()).isLessThanOrEqualTo(2 << 20);
    }
  }
}
