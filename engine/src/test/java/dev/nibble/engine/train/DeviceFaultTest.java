package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.StagedKernels;
import dev.nibble.engine.exec.StagedKernels.Fault;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training with kernels of a device: what it takes in memory, and what is left when it fails. */
class DeviceFaultTest {
  private static final int STEPS = 5;

  private final DataSplits data =
      new DataSplits(ShapesDataset.train(1, 50), ShapesDataset.test(1, 20), "shapes");
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  private final StagedKernels staged = new StagedKernels();
  private final Network network = network();
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    assertThat(account.used()).isZero();
    account.close();
    assertThat(staged.memory()).noneMatch(segment -> segment.scope().isAlive());
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().startsWith("nibble-faulty-"));
  }

  private static Network network() {
    NetworkBuilder b = Network.builder("faulty", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.convolution("two", b.relu(b.batchNorm("one.bn", x)), 16, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("two.bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(10)
        .steps(STEPS)
        .schedule(Schedule.COSINE, 0.05f)
        .seed(3)
        .threads(2);
  }

  private Trainer open(Kernels kernels) {
    return Trainer.open(network, data, options().checkpointEvery(1).build(), kernels, account);
  }

  private static byte[][] bytes(Trainer trainer) {
    return new byte[][] {
      trainer.session().weights().toArray(JAVA_BYTE),
      TestSession.optimizerState(trainer.session()),
      trainer.session().runningStatistics().toArray(JAVA_BYTE)
    };
  }

  private byte[][] uninterrupted(Kernels kernels) {
    try (Trainer trainer = open(kernels)) {
      trainer.run(new TrainingListener() {});
      return bytes(trainer);
    }
  }

  @Test
  void aRunWithADevicesKernelsEndsWithTheBytesOfWhatComputes() {
    assertThat(uninterrupted(staged.kernels())).isDeepEqualTo(uninterrupted(TestKernels.chosen()));
    assertThat(staged.events()).containsExactly("open", "close");
  }

  /** At the start of the second step, in its passes, at its end, and in the evaluation. */
  @ParameterizedTest
  @ValueSource(doubles = {1, 1.16, 1.5, 1.99, STEPS})
  void aRunWhoseDeviceFailedGoesOnElsewhereFromItsLastCheckpoint(double steps) throws IOException {
    CheckpointStore store = new CheckpointStore(folder);
    Path last;
    byte[] saved;
    long done;
    try (Trainer trainer = open(staged.kernels())) {
      ExecutionPlan plan = trainer.session().plan();
      int calls = StagedKernels.forwardCalls(plan) + StagedKernels.backwardCalls(plan);
      assertThat(trainer.choice().plan().stages()).isEqualTo(4);
      trainer.checkpointTo(store);
      staged.fail(Fault.COMPUTE, (int) (steps * calls));
      assertThatThrownBy(() -> trainer.run(new TrainingListener() {}))
          .isInstanceOf(DeviceException.class);
      assertThat(Thread.getAllStackTraces().keySet())
          .noneMatch(thread -> thread.getName().equals("nibble-data-loader"));
      done = trainer.done();
      last = store.list().getFirst();
      saved = Files.readAllBytes(last);
    }
    assertThat(staged.events()).containsExactly("open", "close");
    assertThat(store.list().getFirst()).isEqualTo(last);
    assertThat(Files.readAllBytes(last)).isEqualTo(saved);
    try (Trainer trainer = open(TestKernels.chosen());
        LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      trainer.resume(checkpoint);
      assertThat(trainer.done()).isPositive().isBetween(done - 1, done);
      assertThat(checkpoint.meta().model())
          .containsEntry("kernels", staged.kernels().description());
      trainer.run(new TrainingListener() {});
      assertThat(bytes(trainer)).isDeepEqualTo(uninterrupted(TestKernels.chosen()));
    }
  }

  @Test
  void aDeviceThatFailsToCloseLeavesNothing() {
    Trainer trainer = open(staged.kernels());
    staged.fail(Fault.CLOSE, 0);
    assertThatThrownBy(trainer::close).isInstanceOf(DeviceException.class);
    assertThat(account.used()).isZero();
    trainer.close();
  }

  @Test
  void aTrainerThatCannotBeSetUpClosesItsDevice() {
    TrainingOptions wrong = options().normalization(new float[] {1, 1}, new float[] {1, 1}).build();
    assertThatThrownBy(() -> Trainer.open(network, data, wrong, staged.kernels(), account))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(account.used()).isZero();
  }

  @Test
  void thePlanCountsTheStaging() {
    TrainingOptions options = options().build();
    TrainingPlan plan = TrainingPlan.of(network, options, staged.kernels());
    TrainingPlan plain = TrainingPlan.of(network, options, TestKernels.chosen());
    assertThat(plain.stagingBytes()).isZero();
    assertThat(plan.stagingBytes()).isPositive();
    assertThat(plan.scratchBytes()).isEqualTo(plain.scratchBytes());
    assertThat(plan.totalBytes())
        .isEqualTo(plan.slabBytes() + plan.scratchBytes() + plan.stagingBytes())
        .isEqualTo(plain.totalBytes() + plan.stagingBytes());
    assertThat(plan.fp32Bytes()).isEqualTo(plain.fp32Bytes() + plan.stagingBytes());
    assertThat(plan.kernels().description()).isEqualTo(staged.kernels().description());
    try (Trainer trainer = open(staged.kernels())) {
      assertThat(trainer.usedBytes()).isEqualTo(plan.totalBytes());
      assertThat(trainer.session().kernels()).isSameAs(trainer.choice().plan().kernels());
    }
    assertThat(account.peak()).isEqualTo(plan.totalBytes());
  }

  @Test
  void theLargestBatchLeavesRoomForItsStaging() {
    TrainingPlan plan = TrainingPlan.of(network, options().build(), staged.kernels());
    for (long limit : new long[] {plan.totalBytes(), 3_000_000, 12_345_678}) {
      int largest = plan.largestBatch(limit);
      assertThat(largest).isGreaterThan(1);
      assertThat(ofBatch(largest).totalBytes()).isLessThanOrEqualTo(limit);
      assertThat(ofBatch(largest + 1).totalBytes()).isGreaterThan(limit);
    }
    assertThat(plan.largestBatch(plan.totalBytes())).isEqualTo(10);
    assertThat(plan.largestBatch(plan.totalBytes() - 1)).isLessThan(10);
  }

  private TrainingPlan ofBatch(int batch) {
    return TrainingPlan.of(network, options().batch(batch).build(), staged.kernels());
  }

  @Test
  void aBudgetCountsTheStaging() {
    TrainingOptions open = TrainingOptions.builder().steps(1).threads(2).build();
    TrainingOptions fixed =
        TrainingOptions.builder().steps(1).threads(2).store(StoreFormat.INT4).batch(128).build();
    long bytes = TrainingPlan.of(network, fixed, staged.kernels()).totalBytes();
    assertThat(MemoryBudget.choose(network, open, 1000, staged.kernels(), bytes).plan().options())
        .extracting(TrainingOptions::batch)
        .isEqualTo(128);
    MemoryBudget.Choice less =
        MemoryBudget.choose(network, open, 1000, staged.kernels(), bytes - 1);
    assertThat(less.plan().options().batch()).isEqualTo(64);
    assertThat(less.plan().totalBytes()).isLessThan(bytes);
  }

  /** A selection may measure for seconds. */
  @Test
  void kernelsAreSelectedOnlyForBatchesThatMayFit() {
    TrainingOptions open = TrainingOptions.builder().steps(1).threads(2).build();
    long bytes = ofBatch(16).totalBytes();
    int before = staged.workloads().size();
    MemoryBudget.Choice choice = MemoryBudget.choose(network, open, 1000, staged.kernels(), bytes);
    assertThat(choice.plan().options().batch()).isEqualTo(16);
    assertThat(staged.workloads().subList(before, staged.workloads().size()))
        .isNotEmpty()
        .allMatch(workload -> workload.batch() == 16);
  }

  @Test
  void aPredictorOfARunOpensTheTableForItself() {
    try (Trainer trainer = open(staged.kernels());
        Predictor predictor =
            trainer.predictor(PredictorOptions.defaults().withThreads(1), account)) {
      assertThat(predictor.usedBytes()).isPositive();
      assertThat(staged.events()).containsExactly("open", "open");
    }
    assertThat(staged.events()).containsExactly("open", "open", "close", "close");
  }
}
