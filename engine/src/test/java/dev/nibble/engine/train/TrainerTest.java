package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ObjLongConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole training runs on the embedded pictures: resumed, cancelled, diverged. */
class TrainerTest {
  private static final FeatureMap PICTURES = new FeatureMap(32, 32, 3);

  private final DataSplits data =
      new DataSplits(ShapesDataset.train(1, 48), ShapesDataset.test(1, 20), "shapes");
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    assertThat(account.used()).isZero();
    account.close();
  }

  private static Network small() {
    NetworkBuilder b = Network.builder("small", PICTURES);
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.convolution("two", b.relu(b.batchNorm("one.bn", x)), 16, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("two.bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  /** Six steps of 16 pictures: two epochs of three, with the last two pictures dropped. */
  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(16)
        .steps(6)
        .schedule(Schedule.COSINE, 0.05f)
        .seed(3)
        .threads(2);
  }

  private Trainer open(Network network, TrainingOptions options) {
    return Trainer.open(network, data, options, TestKernels.chosen(), account);
  }

  private static byte[][] bytes(Trainer trainer) {
    return new byte[][] {
      trainer.session().weights().toArray(JAVA_BYTE),
      TestSession.optimizerState(trainer.session()),
      trainer.session().runningStatistics().toArray(JAVA_BYTE)
    };
  }

  @Test
  void aRunIsOpenedAsItWasChosen() {
    TrainingOptions open = TrainingOptions.builder().steps(2).seed(3).threads(2).build();
    MemoryBudget.Choice choice =
        MemoryBudget.choose(small(), data, open, TestKernels.chosen(), MemoryAccount.UNLIMITED)
            .withCheckpointEvery(7);
    byte[][] weights;
    try (Trainer trainer = Trainer.open(data, choice, account)) {
      assertThat(trainer.choice()).isSameAs(choice);
      assertThat(trainer.options().checkpointEvery()).isEqualTo(7);
      assertThat(trainer.options().batch()).isEqualTo(48);
      assertThat(trainer.usedBytes()).isEqualTo(choice.plan().totalBytes());
      trainer.run(new TrainingListener() {});
      weights = bytes(trainer);
    }
    try (Trainer trainer = open(small(), open)) {
      trainer.run(new TrainingListener() {});
      assertThat(bytes(trainer)).isDeepEqualTo(weights);
    }
  }

  @Test
  void aChoiceForOneOfSeveralWorkersIsNotRunAlone() {
    TrainingOptions shared = options().workers(new Workers(1, 2, 2, false)).build();
    MemoryBudget.Choice choice =
        MemoryBudget.choose(small(), data, shared, TestKernels.chosen(), MemoryAccount.UNLIMITED);
    assertThatThrownBy(() -> Trainer.open(data, choice, account))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("other workers");
  }

  /** Test pictures that cancel the run when the third is read, and count what is read of them. */
  @Test
  void anEvaluationIsGivenUpWhenTheRunIsCancelled() {
    AtomicReference<Trainer> running = new AtomicReference<>();
    AtomicInteger read = new AtomicInteger();
    Dataset source = ShapesDataset.test(1, 2000);
    Dataset cancelling =
        (Dataset)
            Proxy.newProxyInstance(
                Dataset.class.getClassLoader(),
                new Class<?>[] {Dataset.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("read") && read.incrementAndGet() == 3) {
                    Objects.requireNonNull(running.get()).cancel();
                  }
                  return method.invoke(source, arguments);
                });
    List<TrainingListener.Epoch> epochs = new ArrayList<>();
    TrainingOptions options = options().build();
    try (DataSplits splits = new DataSplits(ShapesDataset.train(1, 48), cancelling, "cancelling");
        Trainer trainer = Trainer.open(small(), splits, options, TestKernels.chosen(), account)) {
      running.set(trainer);
      TrainingResult result =
          trainer.run(
              new TrainingListener() {
                @Override
                public void onEpoch(Epoch epoch) {
                  epochs.add(epoch);
                }
              });
      assertThat(result.cancelled()).isTrue();
      assertThat(result.steps()).isEqualTo(3);
      assertThat(epochs).isEmpty();
      assertThat(read.get()).isLessThan(200);
    }
  }

  /** A listener that calls back after every step. */
  private static TrainingListener afterStep(Trainer trainer, ObjLongConsumer<Trainer> action) {
    return new TrainingListener() {
      @Override
      public void onStep(Step step) {
        action.accept(trainer, step.step());
      }
    };
  }

  private TrainingResult runUntil(Trainer trainer, long cut) {
    return trainer.run(
        afterStep(
            trainer,
            (t, step) -> {
              if (step == cut) {
                t.cancel();
              }
            }));
  }

  private void resume(Trainer trainer, CheckpointStore store) {
    try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      trainer.resume(checkpoint);
    }
  }

  @Test
  void aResumedRunEndsWithTheBytesOfAnUninterruptedOne() {
    Network network = ResNet.of("resnet8", PICTURES, 10);
    TrainingOptions options = options().build();
    byte[][] expected;
    try (Trainer trainer = open(network, options)) {
      TrainingResult result = trainer.run(new TrainingListener() {});
      assertThat(result.steps()).isEqualTo(6);
      assertThat(result.cancelled()).isFalse();
      assertThat(result.testAccuracy()).isBetween(0.0, 1.0);
      expected = bytes(trainer);
    }
    for (long cut : new long[] {1, 3, 5}) {
      CheckpointStore store = new CheckpointStore(folder.resolve("cut-" + cut));
      try (Trainer trainer = open(network, options)) {
        trainer.checkpointTo(store);
        TrainingResult result = runUntil(trainer, cut);
        assertThat(result.cancelled()).isTrue();
        assertThat(result.steps()).isEqualTo(cut);
        assertThat(bytes(trainer)[0]).isNotEqualTo(expected[0]);
      }
      try (Trainer trainer = open(network, options)) {
        trainer.checkpointTo(store);
        resume(trainer, store);
        assertThat(trainer.done()).isEqualTo(cut);
        assertThat(trainer.run(new TrainingListener() {}).steps()).isEqualTo(6);
        assertThat(bytes(trainer)).as("cut after step %d", cut).isDeepEqualTo(expected);
      }
    }
  }

  @Test
  void aRunCanBeCutAndResumedAtItsVeryStartAndEnd() {
    CheckpointStore store = new CheckpointStore(folder);
    TrainingOptions options = options().build();
    try (Trainer trainer = open(small(), options)) {
      trainer.checkpointTo(store);
      trainer.cancel();
      TrainingResult result = trainer.run(new TrainingListener() {});
      assertThat(result.steps()).isZero();
      assertThat(result.loss()).isNaN();
      assertThat(store.list()).hasSize(1);
    }
    byte[][] end;
    try (Trainer trainer = open(small(), options)) {
      trainer.checkpointTo(store);
      resume(trainer, store);
      assertThat(trainer.run(new TrainingListener() {}).steps()).isEqualTo(6);
      end = bytes(trainer);
    }
    try (Trainer trainer = open(small(), options)) {
      trainer.checkpointTo(store);
      resume(trainer, store);
      TrainingResult result = trainer.run(new TrainingListener() {});
      assertThat(result.steps()).isEqualTo(6);
      assertThat(result.cancelled()).isFalse();
      assertThat(bytes(trainer)).isDeepEqualTo(end);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 4})
  void cancelStopsAfterTheStepAtHand(long cut) {
    List<Long> seen = new ArrayList<>();
    try (Trainer trainer = open(small(), options().build())) {
      TrainingListener listener =
          afterStep(
              trainer,
              (t, step) -> {
                seen.add(step);
                if (step == cut) {
                  cancelFromAnotherThread(t);
                }
              });
      assertThat(trainer.run(listener).cancelled()).isTrue();
      assertThat(seen).hasSize((int) cut).last().isEqualTo(cut);
    }
  }

  private static void cancelFromAnotherThread(Trainer trainer) {
    Thread thread = Thread.ofPlatform().start(trainer::cancel);
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aLossThatIsNotANumberEndsTheRunAndKeepsTheCheckpoint() {
    CheckpointStore store = new CheckpointStore(folder);
    TrainingOptions options =
        options().schedule(Schedule.CONSTANT, 1e30f).checkpointEvery(1).build();
    List<Path> before = new ArrayList<>();
    try (Trainer trainer = open(small(), options)) {
      trainer.checkpointTo(store);
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void onCheckpoint(long step, Path file) {
              before.add(file);
            }
          };
      assertThatThrownBy(() -> trainer.run(listener))
          .isInstanceOfSatisfying(
              DivergedException.class,
              e -> assertThat(e.step()).isEqualTo(trainer.done() + 1).isGreaterThan(1))
          .hasMessageContaining("Try a lower learning rate");
      try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
        assertThat(checkpoint.meta().step()).isEqualTo(trainer.done());
        assertThat(checkpoint.path()).isEqualTo(before.getLast());
      }
    }
  }

  @Test
  void aRunIsNotResumedWithOtherOptionsOrAnotherNetwork() {
    CheckpointStore store = new CheckpointStore(folder);
    try (Trainer trainer = open(small(), options().build())) {
      trainer.checkpointTo(store);
      runUntil(trainer, 1);
    }
    try (Trainer trainer = open(small(), options().schedule(Schedule.COSINE, 0.06f).build())) {
      byte[][] fresh = bytes(trainer);
      assertThatThrownBy(() -> resume(trainer, store))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("lr 0.05, not 0.06");
      assertThat(bytes(trainer)).isDeepEqualTo(fresh);
    }
    try (Trainer trainer = open(small(), options().pictureMean(true).build())) {
      assertThatThrownBy(() -> resume(trainer, store)).isInstanceOf(CheckpointException.class);
    }
    try (Trainer trainer = open(ResNet.of("resnet8", PICTURES, 10), options().build())) {
      assertThatThrownBy(() -> resume(trainer, store)).isInstanceOf(CheckpointException.class);
    }
  }

  @Test
  void dataThatDoesNotFitTheNetworkIsRefused() {
    Network otherSize = ResNet.of("resnet8", new FeatureMap(28, 28, 3), 10);
    assertThatThrownBy(() -> open(otherSize, options().build()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("28x28x3");
    Network otherClasses = ResNet.of("resnet8", PICTURES, 7);
    assertThatThrownBy(() -> open(otherClasses, options().build()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("7 outputs");
    assertThatThrownBy(() -> open(small(), options().batch(51).build()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("51");
  }

  @Test
  void listenersHearEveryStepEpochAndCheckpoint() {
    List<String> heard = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void onStep(Step step) {
            heard.add("step " + step.step() + " of epoch " + step.epoch());
            assertThat(step.loss()).isPositive().isFinite();
            assertThat(step.imagesPerSecond() * step.stepSeconds()).isBetween(15.99, 16.01);
          }

          @Override
          public void onEpoch(Epoch epoch) {
            heard.add("epoch " + epoch.epoch() + " at " + epoch.step());
            assertThat(epoch.testLoss()).isPositive().isFinite();
          }

          @Override
          public void onCheckpoint(long step, Path file) {
            heard.add("checkpoint " + step);
          }
        };
    try (Trainer trainer = open(small(), options().steps(4).checkpointEvery(2).build())) {
      trainer.checkpointTo(new CheckpointStore(folder));
      trainer.run(listener);
    }
    assertThat(heard)
        .containsExactly(
            "step 1 of epoch 1",
            "step 2 of epoch 1",
            "checkpoint 2",
            "step 3 of epoch 1",
            "epoch 1 at 3",
            "step 4 of epoch 2",
            "epoch 2 at 4",
            "checkpoint 4");
  }

  @Test
  void theLossFallsOnTheTrainingPicturesInFourBits() {
    TrainingOptions options = options().steps(30).schedule(Schedule.COSINE, 0.1f).build();
    List<Double> losses = new ArrayList<>();
    try (Trainer trainer = open(small(), options)) {
      trainer.run(
          new TrainingListener() {
            @Override
            public void onStep(Step step) {
              losses.add(step.loss());
            }
          });
    }
    double start = losses.subList(0, 3).stream().mapToDouble(x -> x).average().orElseThrow();
    double end = losses.subList(27, 30).stream().mapToDouble(x -> x).average().orElseThrow();
    assertThat(end).isLessThan(0.9 * start);
  }

  @Test
  void aSavedModelCarriesEntriesOfYourOwn() {
    Path file = folder.resolve("model.safetensors");
    try (Trainer trainer = open(small(), options().build())) {
      trainer.saveModel(file, Map.of("author", "Ann"));
      assertThat(ModelFile.info(file).metadata()).containsExactly(Map.entry("author", "Ann"));
      assertThatThrownBy(() -> trainer.saveModel(file, Map.of("classes", "mine")))
          .isInstanceOf(IllegalArgumentException.class);
      trainer.saveModel(file);
      assertThat(ModelFile.info(file).metadata()).isEmpty();
    }
  }
}
