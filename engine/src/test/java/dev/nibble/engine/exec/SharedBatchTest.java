package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.LocalCollective;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.loading.BatchShare;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Workers that share a batch make the bytes of one that computes all of it. */
class SharedBatchTest {
  private static final long SEED = 31;

  /**
   * Its weights are too many for every picture to have gradients of its own, or to be sent whole.
   */
  private static Network wide(FeatureMap input) {
    NetworkBuilder b = Network.builder("wide", input);
    NetworkBuilder.Node x = b.convolution("a", b.input(), 32, 3, 1);
    x = b.convolution("b", b.relu(b.batchNorm("b.bn", x)), 160, 3, 2);
    NetworkBuilder.Node y = b.convolution("c", b.relu(b.batchNorm("c.bn", x)), 160, 3, 1);
    x = b.add(x, b.stochasticDepth(b.dropout(y, 0.2f), 0.3f));
    return b.build(b.dense("d", b.globalAveragePool(b.relu(b.batchNorm("d.bn", x))), 5));
  }

  /** The roots of its weights' gradients take more than those of all its stages may at a time. */
  private static Network heavy(FeatureMap input) {
    NetworkBuilder b = Network.builder("heavy", input);
    NetworkBuilder.Node x = b.convolution("a", b.input(), 512, 3, 2);
    for (int i = 0; i < 3; i++) {
      NetworkBuilder.Node y = b.relu(b.batchNorm("n" + i, x));
      x = b.convolution("c" + i, y, i == 1 ? 1536 : 1024, 1, 1);
    }
    return b.build(b.dense("d", b.globalAveragePool(b.relu(b.batchNorm("d.bn", x))), 5));
  }

  private static PlanOptions options(int batch, int shards) {
    return PlanOptions.training(batch, StoreFormat.INT4, false)
        .withWorkers(new Workers(0, 1, shards, false));
  }

  /** Weights, the optimiser's state and running statistics of the steps, whose sizes are given. */
  private static byte[][] train(
      Network network, PlanOptions options, @Nullable Collective collective, int[] counts) {
    MemoryAccount account = MemoryAccount.root("worker", MemoryAccount.UNLIMITED);
    SessionOptions run = SessionOptions.of(1).with(collective);
    try (Arena arena = Arena.ofConfined();
        Session session =
            Session.open(ExecutionPlan.of(network, options), run, TestKernels.chosen(), account)) {
      Initializer.initialize(session, SEED);
      SplittableRandom random = new SplittableRandom(SEED);
      BatchShare share = session.share();
      MemorySegment labels = arena.allocate(4L * options.batch());
      double losses = 0;
      for (int count : counts) {
        for (int picture = 0; picture < count; picture++) {
          int local = picture - share.first(count);
          boolean own = picture >= share.first(count) && picture < share.end(count);
          int label = random.nextInt(network.classes());
          for (int i = 0; i < network.input().values(); i++) {
            float value = (float) random.nextGaussian() + label;
            if (own) {
              long at = (long) local * network.input().values() + i;
              session.input().setAtIndex(JAVA_FLOAT, at, value);
            }
          }
          if (own) {
            labels.setAtIndex(JAVA_INT, local, label);
          }
        }
        assertThat(session.train(labels, count, 0.05f)).isTrue();
        losses += session.lossSum();
      }
      return new byte[][] {
        session.weights().toArray(JAVA_BYTE),
        TestSession.optimizerState(session),
        session.runningStatistics().toArray(JAVA_BYTE),
        Double.toString(losses).getBytes(UTF_8)
      };
    } finally {
      account.close();
    }
  }

  private static List<byte[][]> trainShared(
      Network network, PlanOptions options, int workers, boolean localNorm, int... counts)
      throws Exception {
    int shards = options.workers().shards();
    List<Collective> all = LocalCollective.of(workers, Duration.ofSeconds(20));
    List<Future<byte[][]>> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(workers)) {
      for (Collective one : all) {
        Workers who = new Workers(one.rank(), workers, shards, localNorm);
        results.add(
            threads.submit(
                () -> {
                  try {
                    return train(network, options.withWorkers(who), one, counts);
                  } catch (Throwable e) {
                    one.fail(e.toString());
                    throw e;
                  }
                }));
      }
      List<byte[][]> bytes = new ArrayList<>();
      for (Future<byte[][]> result : results) {
        bytes.add(result.get());
      }
      return bytes;
    }
  }

  /** Sizes: full batches, one that fills no group evenly, one with fewer pictures than workers. */
  @ParameterizedTest
  @CsvSource({
    "resnet20, 8, 64, 1",
    "resnet11, 8, 64, 1",
    "wide, 12, 8, 4",
    "wide, 12, 26, 4",
    "heavy, 4, 8, 4",
  })
  void anyNumberOfWorkersGivesTheBytesOfOne(String model, int size, int batch, int shards)
      throws Exception {
    FeatureMap input = new FeatureMap(size, size, 3);
    Network network =
        switch (model) {
          case "wide" -> wide(input);
          case "heavy" -> heavy(input);
          default -> NamedNetworks.of(model, input, 5);
        };
    PlanOptions options = options(batch, shards);
    int[] counts =
        model.equals("heavy") ? new int[] {batch, 3} : new int[] {batch, batch - 7, 3, batch};
    byte[][] alone = train(network, options, null, counts);
    for (int workers = 2; workers <= 4; workers++) {
      List<byte[][]> shared = trainShared(network, options, workers, false, counts);
      for (int rank = 0; rank < workers; rank++) {
        assertThat(shared.get(rank))
            .as("worker %d of %d, %s", rank, workers, model)
            .isDeepEqualTo(alone);
      }
    }
  }

  @Test
  void withLocalBatchNormAllWorkersHaveTheSameWeightsYetOthersThanOne() throws Exception {
    Network network = NamedNetworks.of("resnet20", new FeatureMap(8, 8, 3), 5);
    PlanOptions options = options(64, 1);
    int[] counts = {64, 64};
    List<byte[][]> shared = trainShared(network, options, 3, true, counts);
    assertThat(shared.get(1)[0]).isEqualTo(shared.get(0)[0]);
    assertThat(shared.get(2)[1]).isEqualTo(shared.get(0)[1]);
    assertThat(shared.get(2)[2]).isNotEqualTo(shared.get(0)[2]);
    assertThat(shared.get(0)[0]).isNotEqualTo(train(network, options, null, counts)[0]);
  }
}
