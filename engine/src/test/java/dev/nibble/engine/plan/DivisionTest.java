package dev.nibble.engine.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import org.junit.jupiter.api.Test;

/** Which batches several workers can share. */
class DivisionTest {
  private static Network withDropout() {
    NetworkBuilder b = Network.builder("dropping", new FeatureMap(8, 8, 3));
    NetworkBuilder.Node x = b.convolution("stem", b.input(), 16, 3, 1);
    NetworkBuilder.Node y = b.globalAveragePool(b.relu(b.batchNorm("bn", x)));
    return b.build(b.dense("fc", b.dropout(y, 0.5f), 4));
  }

  @Test
  void dropoutIsDrawnByOneWorkerOnly() {
    PlanOptions one = PlanOptions.training(64, StoreFormat.INT4, false);
    assertThat(ExecutionPlan.of(withDropout(), one).division().imbalance()).isLessThanOrEqualTo(1);
    PlanOptions two = one.withWorkers(new Workers(0, 2, 2, false));
    assertThatThrownBy(() -> ExecutionPlan.of(withDropout(), two))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Dropout")
        .hasMessageContaining("train with one");
  }
}
