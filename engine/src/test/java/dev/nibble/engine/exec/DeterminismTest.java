package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The same bytes whatever the number of threads and whatever else runs in the JVM. */
class DeterminismTest {
  private static final int STEPS = 6;

  private static Network network() {
    return ResNet.of("resnet8", new FeatureMap(8, 8, 3), 5);
  }

  /** Weights, momentum and running statistics after six steps, the last on a part of the batch. */
  private static byte[][] train(int batch, StoreFormat store, int threads) {
    PlanOptions options = PlanOptions.training(batch, store, false);
    try (TestSession test = new TestSession(network(), options, threads, 11)) {
      for (int step = 0; step < STEPS - 1; step++) {
        assertThat(test.step(0.05f)).isTrue();
      }
      test.load();
      assertThat(test.session().train(test.labels(), batch - 7, 0.05f)).isTrue();
      Session session = test.session();
      return new byte[][] {
        session.weights().toArray(JAVA_BYTE),
        TestSession.optimizerState(session),
        session.runningStatistics().toArray(JAVA_BYTE)
      };
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "INT4", "INT3", "TERNARY"})
  void anyNumberOfThreadsGivesTheSameBytes(StoreFormat store) {
    // 21 pictures make 21 groups of one; the last batch of 14 leaves seven of them empty.
    byte[][] single = train(21, store, 1);
    for (int threads : new int[] {2, 3, 5}) {
      assertThat(train(21, store, threads)).as("%d threads", threads).isDeepEqualTo(single);
    }
  }

  @Test
  void aSecondRunInTheSameJvmGivesTheSameBytesAndAnotherBatchOthers() {
    byte[][] first = train(9, StoreFormat.INT4, 2);
    assertThat(train(9, StoreFormat.INT4, 2)).isDeepEqualTo(first);
    assertThat(train(10, StoreFormat.INT4, 2)[0]).isNotEqualTo(first[0]);
  }

  @Test
  void twoSessionsAtOnceOfAnyThreadsGiveTheBytesOfOneAlone() throws Exception {
    byte[][] alone = train(9, StoreFormat.INT4, 1);
    byte[][] other = train(10, StoreFormat.FP32, 1);
    try (ExecutorService executor = Executors.newFixedThreadPool(2)) {
      List<Callable<byte[][]>> runs =
          List.of(() -> train(9, StoreFormat.INT4, 3), () -> train(10, StoreFormat.FP32, 2));
      List<Future<byte[][]>> results = executor.invokeAll(runs);
      assertThat(results.get(0).get()).isDeepEqualTo(alone);
      assertThat(results.get(1).get()).isDeepEqualTo(other);
    }
  }
}
