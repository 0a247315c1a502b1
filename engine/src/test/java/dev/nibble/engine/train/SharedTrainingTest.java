package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.engine.collective.LocalCollective;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.Mixing;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs that several workers share: the bytes of one, and everyone told what went wrong. */
class SharedTrainingTest {
  @TempDir private Path folder;

  private static Network network() {
    NetworkBuilder b = Network.builder("small", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.convolution("two", b.relu(b.batchNorm("one.bn", x)), 16, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("two.bn", x)));
    return b.build(b.dense("fc", b.dropout(x, 0.3f), 10));
  }

  /** Two epochs of two steps: 64 and 64 pictures, then 5 alone; everything that has a state. */
  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(64)
        .epochs(2)
        .accumulate(2)
        .schedule(Schedule.COSINE, 0.05f)
        .optimizer(Optimizer.adamW(0.9, 0.999, 1e-8, 0.01))
        .clipNorm(0.5)
        .ema(0.9)
        .labelSmoothing(0.1)
        .mixing(new Mixing(0.4, 1))
        .earlyStopping(5, 0)
        .seed(3)
        .checkpointEvery(1)
        .threads(1);
  }

  private static DataSplits data() {
    return new DataSplits(ShapesDataset.train(1, 133), ShapesDataset.test(1, 70), "shapes");
  }

  /** What one worker does; run on a thread of its own. */
  private interface Work {
    byte[][] run(Trainer trainer, int rank) throws Exception;
  }

  private static byte[][] bytes(Trainer trainer, TrainingResult result) {
    return new byte[][] {
      trainer.session().weights().toArray(JAVA_BYTE),
      TestSession.optimizerState(trainer.session()),
      trainer.session().runningStatistics().toArray(JAVA_BYTE),
      (result.steps() + " " + result.testLoss() + " " + result.testAccuracy() + " " + result.loss())
          .getBytes(java.nio.charset.StandardCharsets.UTF_8)
    };
  }

  private static byte[][] work(
      DataSplits data, TrainingOptions options, @Nullable Collective one, Work work)
      throws Exception {
    return work(data, options, one, TestKernels.chosen(), work);
  }

  private static byte[][] work(
      DataSplits data,
      TrainingOptions options,
      @Nullable Collective one,
      Kernels kernels,
      Work work)
      throws Exception {
    MemoryAccount account = MemoryAccount.root("worker", MemoryAccount.UNLIMITED);
    try (data;
        Trainer trainer =
            one == null
                ? Trainer.open(network(), data, options, kernels, account)
                : Trainer.open(network(), data, options, kernels, account, one)) {
      return work.run(trainer, one == null ? 0 : one.rank());
    } finally {
      account.close();
    }
  }

  /**
   * Runs as many workers as there are data sets; a failed one's exception is what its future says.
   */
  private static List<Future<byte[][]>> share(
      List<DataSplits> data, List<TrainingOptions> options, Work work) throws Exception {
    List<Collective> all = LocalCollective.of(data.size(), Duration.ofSeconds(30));
    try (ExecutorService threads = Executors.newFixedThreadPool(data.size())) {
      List<Future<byte[][]>> results = new ArrayList<>();
      for (Collective one : all) {
        DataSplits own = data.get(one.rank());
        TrainingOptions how = options.get(one.rank() % options.size());
        results.add(
            threads.submit(
                () -> {
                  try (one) {
                    return work(own, how, one, work);
                  }
                }));
      }
      return results; // closing awaits them
    }
  }

  private static List<Future<byte[][]>> share(int workers, TrainingOptions options, Work work)
      throws Exception {
    List<DataSplits> data = new ArrayList<>();
    for (int i = 0; i < workers; i++) {
      data.add(data());
    }
    return share(data, List.of(options), work);
  }

  private static byte[][] run(Trainer trainer, int rank) {
    return bytes(trainer, trainer.run(new TrainingListener() {}));
  }

  @Test
  void anyNumberOfWorkersEndsWithTheBytesOfOneResumedOrNot() throws Exception {
    byte[][] alone = work(data(), options().build(), null, SharedTrainingTest::run);
    for (Future<byte[][]> worker : share(3, options().build(), SharedTrainingTest::run)) {
      assertThat(worker.get()).isDeepEqualTo(alone);
    }

    CheckpointStore store = new CheckpointStore(folder.resolve("checkpoints"));
    Work cut =
        (trainer, rank) -> {
          if (rank == 0) {
            trainer.checkpointTo(store);
          }
          TrainingResult result =
              trainer.run(
                  new TrainingListener() {
                    @Override
                    public void onStep(Step step) {
                      if (step.step() == 1 && rank == 1) {
                        trainer.cancel(); // any worker may; all stop behind the same step
                      }
                    }
                  });
          assertThat(result.cancelled()).isTrue();
          assertThat(result.steps()).isEqualTo(2);
          return bytes(trainer, result);
        };
    for (Future<byte[][]> worker : share(2, options().build(), cut)) {
      worker.get();
    }
    // Only the first worker sees the folder: the others are told.
    Work resumed =
        (trainer, rank) -> {
          if (rank == 0) {
            try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
              trainer.resume(checkpoint);
            }
            trainer.checkpointTo(store);
          }
          return run(trainer, rank);
        };
    for (Future<byte[][]> worker : share(4, options().build(), resumed)) {
      assertThat(worker.get()).isDeepEqualTo(alone);
    }
  }

  /** Training pictures of which one cannot be read a second time, when it is to be trained. */
  private static DataSplits failing() {
    Dataset source = ShapesDataset.train(1, 133);
    AtomicInteger reads = new AtomicInteger();
    Dataset failing =
        (Dataset)
            Proxy.newProxyInstance(
                Dataset.class.getClassLoader(),
                new Class<?>[] {Dataset.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("read")
                      && arguments[0].equals(77)
                      && reads.incrementAndGet() > 1) {
                    throw new DataException("Picture 77 cannot be read");
                  }
                  try {
                    return method.invoke(source, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
    return new DataSplits(failing, ShapesDataset.test(1, 70), "shapes");
  }

  @Test
  void whatEndsOneWorkerIsToldToAll() throws Exception {
    TrainingOptions options =
        options().normalization(new float[] {0.5f, 0.5f, 0.5f}, new float[] {1, 1, 1}).build();
    List<DataSplits> data = List.of(failing(), failing(), failing());
    List<Future<byte[][]>> workers = share(data, List.of(options), SharedTrainingTest::run);
    int told = 0;
    for (Future<byte[][]> worker : workers) {
      Throwable cause = cause(worker);
      assertThat(cause).hasMessageContaining("Picture 77 cannot be read");
      if (cause instanceof CollectiveException) {
        assertThat(cause.getMessage()).matches("Worker [012] of 3 failed: .*");
        told++;
      }
    }
    assertThat(told).isEqualTo(2);
  }

  @Test
  void workersThatMeanDifferentRunsDoNotBegin() throws Exception {
    List<DataSplits> same = List.of(data(), data());
    TrainingOptions other = options().schedule(Schedule.COSINE, 0.1f).build();
    for (Future<byte[][]> worker :
        share(same, List.of(options().build(), other), SharedTrainingTest::run)) {
      assertThat(cause(worker))
          .hasMessageContaining("Worker 1 differs from worker 0 in lr (0.1, not 0.05)");
    }
    DataSplits fewer =
        new DataSplits(ShapesDataset.train(1, 132), ShapesDataset.test(1, 70), "shapes");
    for (Future<byte[][]> worker :
        share(List.of(data(), fewer), List.of(options().build()), SharedTrainingTest::run)) {
      assertThat(cause(worker)).hasMessageContaining("data train pictures (132, not 133)");
    }
  }

  @Test
  void workersOfOtherVectorWidthsDoNotBegin() throws Exception {
    List<Kernels> kernels = List.of(TestKernels.chosen(), KernelProvider.choose("scalar"));
    assumeFalse(
        kernels.get(0).name().equals(kernels.get(1).name()),
        "tried with kernels that have vectors");
    List<Collective> all = LocalCollective.of(2, Duration.ofSeconds(30));
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<byte[][]>> results = new ArrayList<>();
      for (Collective one : all) {
        Kernels own = kernels.get(one.rank());
        results.add(
            threads.submit(
                () -> {
                  try (one) {
                    return work(data(), options().build(), one, own, SharedTrainingTest::run);
                  }
                }));
      }
      for (Future<byte[][]> worker : results) {
        assertThat(cause(worker))
            .hasMessageContaining("Worker 1 differs from worker 0 in kernels (scalar")
            .hasMessageContaining("kind of processor");
      }
    }
  }

  @Test
  void allDivergeTogether() throws Exception {
    TrainingOptions options =
        options()
            .optimizer(Optimizer.recipe())
            .clipNorm(0)
            .schedule(Schedule.CONSTANT, 1e30f)
            .build();
    for (Future<byte[][]> worker : share(2, options, SharedTrainingTest::run)) {
      assertThat(cause(worker)).isInstanceOf(DivergedException.class);
    }
  }

  @Test
  void aNumberThatIsNoneOfOneWorkerOnlyEndsAllAtTheSameStep() throws Exception {
    List<Long> reached = Collections.synchronizedList(new ArrayList<>());
    Work poisoned =
        (trainer, rank) ->
            bytes(
                trainer,
                trainer.run(
                    new TrainingListener() {
                      @Override
                      public void onStep(Step step) {
                        reached.add(step.step());
                        if (rank == 1 && step.step() == 1) {
                          trainer.session().weights().set(JAVA_FLOAT, 0, Float.NaN);
                        }
                      }
                    }));
    for (Future<byte[][]> worker : share(3, options().build(), poisoned)) {
      assertThat(cause(worker)).isInstanceOf(DivergedException.class);
    }
    assertThat(reached).containsOnly(1L).hasSize(3);
  }

  private static Throwable cause(Future<byte[][]> worker) throws InterruptedException {
    try {
      worker.get();
    } catch (ExecutionException e) {
      return Objects.requireNonNull(e.getCause());
    }
    throw new AssertionError("the worker did not fail");
  }

  @Test
  void aBatchThatCannotBeSharedIsRefusedWithWhatToDo() {
    TrainingOptions options = options().batch(16).build();
    List<Collective> all = LocalCollective.of(2, Duration.ofSeconds(1));
    assertThatThrownBy(() -> work(data(), options, all.get(0), SharedTrainingTest::run))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 workers cannot share a batch of 16 pictures")
        .hasMessageContaining("2 shards");
    TrainingOptions shards = options().batch(16).workers(new Workers(0, 1, 2, false)).build();
    assertThat(TrainingPlan.of(network(), shards.as(1, 2), TestKernels.chosen()).warnings())
        .isEmpty();
    TrainingOptions uneven = options().batch(64).build().as(0, 3);
    assertThat(TrainingPlan.of(network(), uneven, TestKernels.chosen()).warnings())
        .singleElement()
        .asString()
        .contains("worker 2: pictures 32 to 63");
  }
}
