package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** In the steady state a step allocates next to nothing on the heap and nothing off it. */
class AllocationTest {
  private static final int ROUND = 10;
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @ParameterizedTest
  @EnumSource(names = {"FP32", "INT4"})
  void aStepAllocatesLessThanAKilobyte(StoreFormat store) throws ReflectiveOperationException {
    Network network = ResNet.of("resnet8", new FeatureMap(8, 8, 3), 5);
    HeapMeter meter = new HeapMeter();
    try (TestSession test =
        new TestSession(network, PlanOptions.training(4, store, false), 2, 1)) {
      Session session = test.session();
      long reserved = session.usedBytes();
      long direct = HeapMeter.directBytes();
      long least = Long.MAX_VALUE;
      long start = System.nanoTime();
      // Until everything is compiled, the vectors of vector kernels are objects: rounds are run
      // until one of them is free of that, and of what other threads of the JVM do.
      while (least >= 1024 && System.nanoTime() - start < PATIENCE.toNanos()) {
        long before = meter.allocatedBytes();
        for (int i = 0; i < ROUND; i++) {
          session.train(test.labels(), 4, 1e-3f);
          session.evaluate(test.labels(), 4);
        }
        least = Math.min(least, (meter.allocatedBytes() - before) / ROUND);
      }
      assertThat(least).as("heap bytes a step").isLessThan(1024);
      assertThat(HeapMeter.directBytes()).as("off-heap bytes").isEqualTo(direct);
      assertThat(session.usedBytes()).isEqualTo(reserved);
    }
  }
}
