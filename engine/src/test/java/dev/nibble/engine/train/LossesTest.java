package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.loading.Mixing;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.infer.Metrics;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.optim.LearningRateSchedule;
import dev.nibble.engine.optim.Loss;
import dev.nibble.engine.plan.Recomputation;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs with other losses than cross-entropy, users' own, and users' schedules. */
class LossesTest {
  private static final FeatureMap MAP = new FeatureMap(8, 8, 3);

  @TempDir private Path folder;

  /**
   * Pictures whose halves are dark or bright, each by itself; what is told: which halves are
   * bright, how bright the whole is, or which of the two is brighter.
   */
  private record Halves(int size, long seed, Task task) implements Dataset {
    private SplittableRandom random(int index) {
      return new SplittableRandom(seed * 1000 + index);
    }

    @Override
    public int height() {
      return MAP.height();
    }

    @Override
    public int width() {
      return MAP.width();
    }

    @Override
    public int channels() {
      return MAP.channels();
    }

    @Override
    public List<String> classNames() {
      return task == Task.REGRESSION ? List.of("brightness") : List.of("left", "right");
    }

    private double half(int index, int side) {
      SplittableRandom random = random(index);
      double left = random.nextDouble();
      return side == 0 ? left : random.nextDouble();
    }

    @Override
    public int label(int index) {
      return task == Task.CLASSIFICATION && half(index, 1) > half(index, 0) ? 1 : 0;
    }

    @Override
    public void targets(int index, MemorySegment target, long offset) {
      float[] values =
          switch (task) {
            case CLASSIFICATION -> new float[] {1 - label(index), label(index)};
            case MULTI_LABEL ->
                new float[] {half(index, 0) > 0.5 ? 1 : 0, half(index, 1) > 0.5 ? 1 : 0};
            case REGRESSION -> new float[] {(float) (half(index, 0) + half(index, 1))};
          };
      MemorySegment.copy(MemorySegment.ofArray(values), 0, target, offset, 4L * values.length);
    }

    @Override
    public void read(int index, MemorySegment target, long offset) {
      for (int i = 0; i < MAP.values(); i++) {
        int side = i / MAP.channels() % MAP.width() < MAP.width() / 2 ? 0 : 1;
        target.set(JAVA_BYTE, offset + i, (byte) (255 * half(index, side)));
      }
    }

    @Override
    public void close() {}
  }

  private static Network network(int outputs) {
    NetworkBuilder b = Network.builder("halves", MAP);
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.relu(b.batchNorm("one.bn", x));
    return b.build(b.dense("fc", b.flatten(x), outputs));
  }

  private static DataSplits data(Task task) {
    return new DataSplits(new Halves(96, 1, task), new Halves(64, 2, task), "halves");
  }

  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(16)
        .epochs(10)
        .augmentation(Augmentation.NONE)
        .schedule(Schedule.COSINE, 0.1f)
        .seed(2)
        .threads(2);
  }

  @SuppressWarnings("ArrayRecordComponent") // compared by their elements
  private record Outcome(
      TrainingResult result,
      List<TrainingListener.Step> steps,
      List<TrainingListener.Epoch> epochs,
      byte[] weights) {}

  private interface Work {
    void before(Trainer trainer);
  }

  private static Outcome run(Task task, TrainingOptions options, @Nullable Work work) {
    return run(network(task == Task.REGRESSION ? 1 : 2), task, options, work);
  }

  private static Outcome run(
      Network network, Task task, TrainingOptions options, @Nullable Work work) {
    List<TrainingListener.Step> steps = new ArrayList<>();
    List<TrainingListener.Epoch> epochs = new ArrayList<>();
    try (DataSplits data = data(task);
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Trainer trainer = Trainer.open(network, data, options, TestKernels.chosen(), account)) {
      if (work != null) {
        work.before(trainer);
      }
      TrainingResult result =
          trainer.run(
              new TrainingListener() {
                @Override
                public void onStep(Step step) {
                  steps.add(step);
                }

                @Override
                public void onEpoch(Epoch epoch) {
                  epochs.add(epoch);
                }
              });
      return new Outcome(result, steps, epochs, trainer.session().weights().toArray(JAVA_BYTE));
    }
  }

  @Test
  void labelsAreLearnedAndToldByTheirF1() {
    Outcome outcome = run(Task.MULTI_LABEL, options().build(), null);
    Metrics metrics = Objects.requireNonNull(outcome.epochs().getLast().metrics());
    assertThat(metrics.task()).isEqualTo(Task.MULTI_LABEL);
    assertThat(metrics.pictures()).isEqualTo(64);
    assertThat(outcome.result().testAccuracy()).isEqualTo(metrics.score()).isGreaterThan(0.9);
    assertThat(outcome.result().testLoss()).isLessThan(0.3);
    assertThat(outcome.steps().getFirst().loss()).isBetween(0.3, 1.5);
  }

  @Test
  void numbersAreLearnedAndTheBestEpochIsTheOneThatExplainsMost() {
    Outcome outcome =
        run(
            Task.REGRESSION,
            options().epochs(20).schedule(Schedule.COSINE, 0.01f).earlyStopping(10, 0).build(),
            null);
    Metrics metrics = Objects.requireNonNull(outcome.epochs().getLast().metrics());
    double rmse = Objects.requireNonNull(metrics.figures().get("rmse"));
    assertThat(outcome.epochs().getLast().testLoss()).isCloseTo(rmse * rmse, within(1e-5));
    assertThat(outcome.result().testAccuracy()).isGreaterThan(0.8);
    double best =
        outcome.epochs().stream().mapToDouble(TrainingListener.Epoch::testAccuracy).max().orElse(0);
    assertThat(outcome.result().testAccuracy()).isEqualTo(best);
    assertThat(outcome.steps()).allMatch(step -> Double.isNaN(step.accuracy()));
  }

  @Test
  void modelFilesSayWhatTheyTell() {
    Path file = folder.resolve("model.safetensors");
    run(
        Task.MULTI_LABEL,
        options().steps(1).build(),
        trainer -> {
          trainer.saveModel(file);
          assertThat(trainer.options().lossInUse().name()).isEqualTo("binary-cross-entropy");
        });
    assertThat(ModelFile.info(file).task()).isEqualTo(Task.MULTI_LABEL);
    assertThat(ModelFile.info(file).classes()).containsExactly("left", "right");
  }

  /** Cross-entropy as a user writes it, by its definition. */
  private static final class OwnCrossEntropy implements Loss {
    @Override
    public String name() {
      return "own";
    }

    @Override
    public boolean fits(Task task) {
      return task == Task.CLASSIFICATION;
    }

    @Override
    public double compute(
        MemorySegment outputs,
        MemorySegment targets,
        int pictures,
        int values,
        @Nullable MemorySegment gradient) {
      double total = 0;
      for (int i = 0; i < pictures; i++) {
        double sum = 0;
        for (int k = 0; k < values; k++) {
          sum += Math.exp(outputs.getAtIndex(JAVA_FLOAT, (long) i * values + k));
        }
        for (int k = 0; k < values; k++) {
          long at = (long) i * values + k;
          double log = Math.log(sum) - outputs.getAtIndex(JAVA_FLOAT, at);
          float target = targets.getAtIndex(JAVA_FLOAT, at);
          total += target * log;
          if (gradient != null) {
            gradient.setAtIndex(JAVA_FLOAT, at, (float) ((Math.exp(-log) - target) / pictures));
          }
        }
      }
      return total;
    }
  }

  @Test
  void aLossOfOnesOwnTrainsAsTheSameOneDoes() {
    Outcome own =
        run(Task.CLASSIFICATION, options().epochs(2).loss(new OwnCrossEntropy()).build(), null);
    Outcome usual = run(Task.CLASSIFICATION, options().epochs(2).build(), null);
    for (int i = 0; i < usual.steps().size(); i++) {
      assertThat(own.steps().get(i).loss()).isCloseTo(usual.steps().get(i).loss(), within(1e-3));
    }
    assertThat(own.steps().getFirst().loss())
        .isCloseTo(usual.steps().getFirst().loss(), within(1e-6));
    assertThat(own.steps().getFirst().accuracy()).isEqualTo(usual.steps().getFirst().accuracy());
    assertThat(own.result().testLoss()).isCloseTo(usual.result().testLoss(), within(1e-3));
  }

  /** The kernels' losses through the public method. */
  @Test
  void builtInLossesComputeByThemselves() {
    MemorySegment outputs = java.lang.foreign.Arena.ofAuto().allocate(16);
    MemorySegment targets = java.lang.foreign.Arena.ofAuto().allocate(16);
    outputs.setAtIndex(JAVA_FLOAT, 0, 3);
    targets.setAtIndex(JAVA_FLOAT, 1, 1);
    targets.setAtIndex(JAVA_FLOAT, 2, 1);
    assertThat(Loss.squaredError().compute(outputs, targets, 2, 2, null))
        .isCloseTo(11 / 2.0, within(1e-6));
    assertThat(Loss.crossEntropy().compute(outputs, targets, 2, 2, null))
        .isCloseTo(Math.log(1 + Math.exp(3)) + Math.log(2), within(1e-6));
  }

  @Test
  void aLossThatDoesNotFitTheDataIsRefused() {
    for (Task task : Task.values()) {
      for (Loss loss :
          List.of(Loss.crossEntropy(), Loss.binaryCrossEntropy(), Loss.squaredError())) {
        if (!loss.fits(task)) {
          assertThatThrownBy(() -> run(task, options().loss(loss).build(), null))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining(loss.name())
              .hasMessageContaining(task.text());
        }
      }
    }
    assertThatThrownBy(() -> options().loss(Loss.squaredError()).labelSmoothing(0.1).build())
        .hasMessageContaining("label smoothing belongs to cross-entropy");
    assertThatThrownBy(() -> options().mixing(new Mixing(1, 0)).batch(1).build())
        .hasMessageContaining("a batch of 2 or more");
  }

  /** A named network with one output learns a number or a label; classes are at least two. */
  @Test
  void oneOutputIsForNumbersAndLabelsOnly() {
    Network one = ResNet.of("resnet8", MAP, 2).withClasses(1);
    TrainingOptions options = options().epochs(4).schedule(Schedule.COSINE, 0.01f).build();
    Outcome number = run(one, Task.REGRESSION, options, null);
    assertThat(number.result().testAccuracy()).isGreaterThan(0.5);
    try (InMemoryDataset pictures =
            InMemoryDataset.builder(MAP, List.of("only"))
                .addAll(new byte[16 * MAP.values()], new int[16])
                .build();
        DataSplits data = new DataSplits(pictures, pictures, "dots");
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      for (TrainingOptions wrong :
          List.of(options, options().loss(Loss.binaryCrossEntropy()).build())) {
        assertThatThrownBy(() -> Trainer.open(one, data, wrong, TestKernels.chosen(), account))
            .isInstanceOf(DataException.class)
            .hasMessage(
                "dots has a single class, 'only', and nothing to tell it from: give pictures of at"
                    + " least 2 classes");
      }
    }
  }

  /** Weights move what is learned first; mixed pictures are learned from, too. */
  @Test
  void weightedAndMixedRunsLearn() {
    Outcome weighted =
        run(
            Task.CLASSIFICATION,
            options().loss(Loss.crossEntropy(1, 5)).labelSmoothing(0.05).build(),
            null);
    Outcome mixed = run(Task.CLASSIFICATION, options().mixing(new Mixing(0.2, 0)).build(), null);
    assertThat(weighted.result().testAccuracy()).isGreaterThan(0.85);
    assertThat(mixed.result().testAccuracy()).isGreaterThan(0.85);
  }

  @Test
  void stagesThatAreComputedTwiceGoWithLabelsAndMixing() {
    Network deep = ResNet.of("resnet8", MAP, 2);
    TrainingOptionsBuilder how = options().steps(4).mixing(new Mixing(0.4, 1));
    TrainingOptions once = how.build();
    List<LayerRange> way = Recomputation.ways(TrainingPlan.execution(deep, once)).getFirst();
    assertThat(way).isNotEmpty();
    Outcome stored = run(deep, Task.MULTI_LABEL, once, null);
    Outcome twice =
        run(
            deep,
            Task.MULTI_LABEL,
            how.recomputed(way).build(),
            trainer -> {
              assertThat(trainer.options().recomputed()).isEqualTo(way);
              assertThat(trainer.options().mixing().isOn()).isTrue();
              assertThat(trainer.options().lossInUse().name()).isEqualTo("binary-cross-entropy");
            });
    assertThat(twice.weights()).isEqualTo(stored.weights());
    assertThat(twice.result().testLoss()).isEqualTo(stored.result().testLoss());
  }

  @Test
  void formatsOfTheirOwnGoWithLabelsAndMixing() {
    Outcome outcome =
        run(
            ResNet.of("resnet8", MAP, 2),
            Task.MULTI_LABEL,
            options().steps(4).mixing(new Mixing(0.4, 1)).mixed(MixedFormats.average(3)).build(),
            trainer -> {
              assertThat(Objects.requireNonNull(trainer.options().mixed()).isChosen()).isTrue();
              assertThat(trainer.options().mixing().isOn()).isTrue();
              assertThat(trainer.options().lossInUse().name()).isEqualTo("binary-cross-entropy");
              assertThat(trainer.session().usedBytes())
                  .isEqualTo(trainer.choice().plan().totalBytes());
            });
    assertThat(outcome.result().testLoss()).isFinite();
  }

  private static void resume(Trainer trainer, CheckpointStore store) {
    try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      trainer.resume(checkpoint);
    }
  }

  /** With everything that draws: to the same bytes, for another number of threads. */
  @Test
  void aRunWithAScheduleOfOnesOwnAndMixingResumesToTheSameBytes() {
    LearningRateSchedule rising = step -> 0.001f * (1 + step);
    TrainingOptionsBuilder how =
        options()
            .epochs(2)
            .schedule(rising)
            .mixing(new Mixing(0.4, 1))
            .loss(Loss.binaryCrossEntropy(2, 3));
    CheckpointStore store = new CheckpointStore(folder);
    Outcome whole =
        run(
            Task.MULTI_LABEL,
            how.checkpointEvery(5).build(),
            trainer -> trainer.checkpointTo(store));
    assertThat(whole.steps().get(3).rate()).isEqualTo(0.004f);
    for (Path newer : store.list().subList(0, store.list().size() - 1)) {
      assertThat(newer.toFile().delete()).isTrue();
    }
    Outcome resumed =
        run(Task.MULTI_LABEL, how.threads(1).build(), trainer -> resume(trainer, store));
    assertThat(resumed.steps()).hasSizeLessThan(whole.steps().size());
    assertThat(resumed.weights()).isEqualTo(whole.weights());
    for (TrainingOptions options :
        List.of(
            how.schedule(step -> 0.001f * (2 + step)).build(),
            how.schedule(rising).mixing(new Mixing(0.4, 0)).build(),
            how.mixing(new Mixing(0.4, 1)).loss(Loss.binaryCrossEntropy(2, 4)).build())) {
      assertThatThrownBy(() -> run(Task.MULTI_LABEL, options, trainer -> resume(trainer, store)))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("resume with the options of the run.");
    }
  }

  @Test
  void aScheduleThatGivesNoRateEndsTheRunWithASentence() {
    TrainingOptions options =
        options().epochs(1).schedule(step -> step < 2 ? 0.01f : Float.NaN).build();
    assertThatThrownBy(() -> run(Task.CLASSIFICATION, options, null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("gives step 2 the learning rate NaN");
  }

  @Test
  void theLearningRateFinderStopsAtTheBurstAndSuggestsWhatLearns() {
    for (Task task : Task.values()) {
      try (DataSplits data = data(task);
          MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
        List<LearningRateFinder.Point> heard = new ArrayList<>();
        LearningRateFinder.Result found =
            LearningRateFinder.find(
                network(data.train().classNames().size()),
                data,
                options().build(),
                TestKernels.chosen(),
                account,
                1e-5f,
                1e4f,
                80,
                null,
                heard::add);
        assertThat(found.points()).isEqualTo(heard).hasSizeLessThan(80);
        assertThat(found.diverged()).isTrue();
        assertThat(found.steepest()).isBetween(1e-4f, 10f).isLessThan(found.lowest());
        assertThat(account.used()).isZero();
        Outcome with =
            run(task, options().schedule(Schedule.COSINE, found.steepest()).build(), null);
        assertThat(with.result().testLoss())
            .as("%s at %s", task, found.steepest())
            .isLessThan(heard.getFirst().loss());
        assertThatThrownBy(
                () ->
                    LearningRateFinder.find(
                        network(data.train().classNames().size()),
                        data,
                        options().build(),
                        TestKernels.chosen(),
                        account,
                        1,
                        0.5f,
                        80,
                        null,
                        point -> {}))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
  }
}
