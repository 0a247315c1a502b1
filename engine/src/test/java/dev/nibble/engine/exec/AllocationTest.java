package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exec.KeptWeights.Version;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** In the steady state a step allocates next to nothing on the heap and nothing off it. */
class AllocationTest {
  private static final int ROUND = 10;
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  /** Few layers of as many channels as the widest vector has lanes: soon compiled. */
  private static Network network() {
    NetworkBuilder b = Network.builder("short", new FeatureMap(8, 8, 3));
    NetworkBuilder.Node x = b.convolution("stem", b.input(), 16, 3, 1);
    NetworkBuilder.Node y = b.convolution("conv", b.relu(b.batchNorm("bn", x)), 16, 3, 1);
    NetworkBuilder.Node a = b.relu(b.batchNorm("head.bn", b.add(y, x)));
    return b.build(b.dense("fc", b.globalAveragePool(a), 16));
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "INT4", "TERNARY"})
  void aStepAllocatesLessThanAKilobyte(StoreFormat store) throws ReflectiveOperationException {
    // One thread first: on a busy machine two take longer until everything is compiled.
    for (int threads = 1; threads <= 2; threads++) {
      PlanOptions options = PlanOptions.training(4, store, false);
      try (TestSession test = new TestSession(network(), options, threads, 1)) {
        long reserved = test.session().usedBytes();
        long direct = HeapMeter.directBytes();
        assertThat(leastBytesAStep(test)).as("heap bytes, threads: %d", threads).isLessThan(1024);
        assertThat(HeapMeter.directBytes()).as("off-heap bytes").isEqualTo(direct);
        assertThat(test.session().usedBytes()).isEqualTo(reserved);
      }
    }
  }

  /** Steps of two batches with everything that can be done to gradients and weights. */
  @Test
  void norDoesAStepWithEverythingOn() throws ReflectiveOperationException {
    PlanOptions options =
        PlanOptions.training(4, StoreFormat.INT4, false)
            .withUpdate(ParameterUpdateTest.EVERYTHING)
            .withBest(true);
    try (TestSession test = new TestSession(network(), options, 1, 1)) {
      long reserved = test.session().usedBytes();
      long direct = HeapMeter.directBytes();
      assertThat(leastBytesAStep(test)).as("heap bytes").isLessThan(1024);
      assertThat(HeapMeter.directBytes()).as("off-heap bytes").isEqualTo(direct);
      assertThat(test.session().usedBytes()).isEqualTo(reserved);
    }
  }

  /**
   * Until everything is compiled, the vectors of vector kernels are objects: rounds are run until
   * one of them is free of that, and of what other threads of the JVM do.
   */
  private static long leastBytesAStep(TestSession test) throws ReflectiveOperationException {
    HeapMeter meter = new HeapMeter();
    long least = Long.MAX_VALUE;
    long start = System.nanoTime();
    while (least >= 1024 && System.nanoTime() - start < PATIENCE.toNanos()) {
      long before = meter.allocatedBytes();
      for (int i = 0; i < ROUND; i++) {
        step(test.session(), test.labels());
      }
      least = Math.min(least, (meter.allocatedBytes() - before) / ROUND);
    }
    return least;
  }

  private static void step(Session session, MemorySegment labels) {
    if (session.plan().options().update().accumulates()) {
      session.accumulate(labels, 4);
    }
    session.train(labels, 4, 1e-3f);
    if (session.plan().options().update().averages()) {
      session.kept().use(Version.AVERAGE);
      session.kept().keepBest();
    }
    session.evaluate(labels, 4);
    session.kept().use(Version.TRAINED);
  }
}
