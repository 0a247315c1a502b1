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
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.KeptWeights.Version;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs with the optimisers and what goes with them: resumed, refused, stopped early. */
class UpdateOptionsTest {
  private static final FeatureMap PICTURES = new FeatureMap(32, 32, 3);
  private static final TrainingListener SILENT = new TrainingListener() {};

  private final DataSplits data =
      new DataSplits(ShapesDataset.train(1, 50), ShapesDataset.test(1, 20), "shapes");
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    assertThat(account.used()).isZero();
    account.close();
  }

  private static Network small(boolean norm) {
    NetworkBuilder b = Network.builder("small", PICTURES);
    NetworkBuilder.Node x = b.convolution("one", b.input(), 8, 3, 4);
    x = b.globalAveragePool(b.relu(norm ? b.batchNorm("one.bn", x) : x));
    return b.build(b.dense("fc", x, 10));
  }

  /**
   * Batches of 8 make 7 an epoch, of which the last holds 2; steps of 2 of them 4, of 4 of them 2.
   */
  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(8)
        .epochs(3)
        .schedule(Schedule.COSINE, 0.02f)
        .seed(3)
        .threads(2);
  }

  private static TrainingOptionsBuilder everything() {
    return options()
        .optimizer(Optimizer.adamW(0.9, 0.999, 1e-8, 0.01))
        .clipNorm(0.5)
        .accumulate(2)
        .ema(0.9)
        .labelSmoothing(0.1)
        .earlyStopping(2, 0.01);
  }

  private Trainer open(Network network, TrainingOptions options) {
    return Trainer.open(network, data, options, TestKernels.chosen(), account);
  }

  private static byte[][] bytes(Trainer trainer) {
    Session session = trainer.session();
    session.kept().use(Version.TRAINED);
    List<byte[]> all = new ArrayList<>();
    all.add(session.weights().toArray(JAVA_BYTE));
    all.add(session.runningStatistics().toArray(JAVA_BYTE));
    all.add(TestSession.optimizerState(session));
    session.kept().buffers().values().forEach(b -> all.add(b.toArray(JAVA_BYTE)));
    return all.toArray(byte[][]::new);
  }

  private static void runUntil(Trainer trainer, long cut) {
    trainer.run(
        new TrainingListener() {
          @Override
          public void onStep(Step step) {
            if (step.step() == cut) {
              trainer.cancel();
            }
          }
        });
  }

  private static void resume(Trainer trainer, CheckpointStore store) {
    try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      trainer.resume(checkpoint);
    }
  }

  private byte[] model(Trainer trainer, String name) throws IOException {
    Path file = folder.resolve(name);
    trainer.saveModel(file);
    return Files.readAllBytes(file);
  }

  @Test
  void aRunWithEverythingTakesItsPlanAndResumesToTheSameBytes() throws IOException {
    Network network = small(true);
    TrainingOptions options = everything().build();
    byte[][] expected;
    byte[] model;
    TrainingResult whole;
    try (Trainer trainer = open(network, options)) {
      TrainingPlan plan = TrainingPlan.of(network, options, TestKernels.chosen());
      assertThat(account.used()).isEqualTo(plan.totalBytes());
      whole = trainer.run(SILENT);
      model = model(trainer, "whole.safetensors");
      expected = bytes(trainer);
      assertThat(expected).hasNumberOfRows(6);
    }
    for (long cut : new long[] {1, 3, 4}) {
      CheckpointStore store = new CheckpointStore(folder.resolve("cut-" + cut));
      try (Trainer trainer = open(network, options)) {
        trainer.checkpointTo(store);
        runUntil(trainer, cut);
      }
      try (Trainer trainer = open(network, options)) {
        resume(trainer, store);
        assertThat(trainer.done()).isEqualTo(cut);
        TrainingResult result = trainer.run(SILENT);
        assertThat(result).as("cut after step %d", cut).isEqualTo(whole);
        assertThat(model(trainer, cut + ".safetensors")).isEqualTo(model);
        assertThat(bytes(trainer)).as("cut after step %d", cut).isDeepEqualTo(expected);
      }
    }
  }

  @Test
  void aRunIsNotResumedWithAnotherRule() {
    CheckpointStore plain = new CheckpointStore(folder.resolve("plain"));
    CheckpointStore full = new CheckpointStore(folder.resolve("full"));
    try (Trainer trainer = open(small(true), options().build())) {
      trainer.checkpointTo(plain);
      runUntil(trainer, 1);
    }
    try (Trainer trainer = open(small(true), everything().build())) {
      trainer.checkpointTo(full);
      runUntil(trainer, 1);
    }
    assertRefused(full, options().steps(12), "optimizer adamw, not sgd");
    assertRefused(plain, options().optimizer(Optimizer.nesterov(0.9, 2e-4)), "sgd, not nesterov");
    assertRefused(plain, options().clipNorm(2), "no clip-norm, not 2.0");
    assertRefused(plain, options().ema(0.5), "no ema, not 0.5");
    assertRefused(plain, options().labelSmoothing(0.2), "no label-smoothing, not 0.2");
    assertRefused(plain, options().earlyStopping(3, 0), "no early-stopping, not 3");
    assertRefused(full, everything().clipNorm(0.25), "clip-norm 0.5, not 0.25");
    assertRefused(full, everything().ema(0), "ema 0.9, not without");
    assertRefused(full, everything().earlyStopping(2, 0.02), "min-delta 0.01, not 0.02");
  }

  private void assertRefused(CheckpointStore store, TrainingOptionsBuilder other, String why) {
    try (Trainer trainer = open(small(true), other.build())) {
      assertThatThrownBy(() -> resume(trainer, store))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("was trained with")
          .hasMessageContaining(why)
          .hasMessageContaining("resume with the options of the run.");
      assertThat(trainer.session().update().steps()).isZero();
    }
  }

  /**
   * Eight steps of two batches of 8 or of one batch of 16, on the same pictures in the same order;
   * an epoch's last step has the 2 pictures that are left.
   */
  @Test
  void severalBatchesAreOneLargeOne() {
    List<List<TrainingListener.Step>> runs = new ArrayList<>();
    List<float[]> weights = new ArrayList<>();
    List<UnaryOperator<TrainingOptionsBuilder>> ways =
        List.of(o -> o.batch(16), o -> o.batch(8).accumulate(2));
    for (UnaryOperator<TrainingOptionsBuilder> way : ways) {
      List<TrainingListener.Step> steps = new ArrayList<>();
      TrainingOptionsBuilder builder =
          way.apply(options().epochs(2).augmentation(Augmentation.NONE)).clipNorm(1e6);
      try (Trainer trainer = open(small(false), builder.build())) {
        assertThat(trainer.stepsPerEpoch()).isEqualTo(4);
        trainer.run(
            new TrainingListener() {
              @Override
              public void onStep(Step step) {
                steps.add(step);
              }
            });
        weights.add(trainer.session().weights().toArray(JAVA_FLOAT));
      }
      runs.add(steps);
    }
    assertThat(runs).allSatisfy(steps -> assertThat(steps).hasSize(8));
    for (int i = 0; i < 8; i++) {
      TrainingListener.Step large = runs.get(0).get(i);
      TrainingListener.Step several = runs.get(1).get(i);
      assertThat(several.loss()).isCloseTo(large.loss(), within(1e-5));
      assertThat(several.accuracy()).isEqualTo(large.accuracy());
      assertThat(several.rate()).isEqualTo(large.rate());
      assertThat(several.epoch()).isEqualTo(large.epoch());
      assertThat(several.gradientNorm()).isCloseTo(large.gradientNorm(), within(1e-5));
      assertThat(several.imagesPerSecond() * several.stepSeconds())
          .isCloseTo(i % 4 == 3 ? 2 : 16, within(0.01));
    }
    for (int i = 0; i < weights.get(0).length; i++) {
      assertThat(weights.get(1)[i]).isCloseTo(weights.get(0)[i], within(1e-5f));
    }
  }

  @Test
  void anEpochsLastStepHasTheBatchesThatAreLeft() {
    List<String> heard = new ArrayList<>();
    try (Trainer trainer = open(small(true), options().accumulate(4).checkpointEvery(2).build())) {
      assertThat(trainer.stepsPerEpoch()).isEqualTo(2);
      assertThat(trainer.totalSteps()).isEqualTo(6);
      trainer.checkpointTo(new CheckpointStore(folder));
      trainer.run(
          new TrainingListener() {
            @Override
            public void onStep(Step step) {
              heard.add("step " + step.step() + " of epoch " + step.epoch());
              assertThat(step.gradientNorm()).isNaN();
            }

            @Override
            public void onEpoch(Epoch epoch) {
              heard.add("epoch " + epoch.epoch() + " at " + epoch.step());
            }

            @Override
            public void onCheckpoint(long step, Path file) {
              heard.add("checkpoint " + step);
            }
          });
    }
    assertThat(heard)
        .containsExactly(
            "step 1 of epoch 1",
            "step 2 of epoch 1",
            "epoch 1 at 2",
            "checkpoint 2",
            "step 3 of epoch 2",
            "step 4 of epoch 2",
            "epoch 2 at 4",
            "checkpoint 4",
            "step 5 of epoch 3",
            "step 6 of epoch 3",
            "epoch 3 at 6",
            "checkpoint 6");
    assertThatThrownBy(() -> open(small(true), options().accumulate(7).build()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("7 batches of 8 pictures")
        .hasMessageContaining("accumulate at most 6");
  }

  @Test
  void theAverageIsTestedAndSaved() throws IOException {
    try (Trainer trainer = open(small(true), options().ema(0.9).build())) {
      byte[] untrained = model(trainer, "untrained.safetensors");
      trainer.session().kept().use(Version.TRAINED);
      assertThat(untrained).isEqualTo(model(trainer, "again.safetensors"));
      TrainingResult result = trainer.run(SILENT);
      assertThat(trainer.session().kept().inUse()).isEqualTo(Version.AVERAGE);
      assertThat(evaluate(trainer).loss()).isEqualTo(result.testLoss());
      byte[] saved = model(trainer, "average.safetensors");
      trainer.session().kept().use(Version.TRAINED);
      assertThat(evaluate(trainer).loss()).isNotEqualTo(result.testLoss());
      assertThat(model(trainer, "average-too.safetensors")).isEqualTo(saved);
    }
  }

  private Evaluator.Result evaluate(Trainer trainer) {
    return Evaluator.evaluate(
            trainer.session(),
            data.test(),
            trainer.session().slots(),
            () -> false,
            new Interrupts(),
            true)
        .orElseThrow();
  }

  /** A rate at which nothing moves: the first epoch stays the best. */
  @Test
  void aRunThatGainsNothingStopsAndKeepsItsBestEpoch() throws IOException {
    TrainingOptions options =
        options().epochs(20).schedule(Schedule.CONSTANT, 1e-12f).earlyStopping(3, 0.5).build();
    CheckpointStore store = new CheckpointStore(folder.resolve("checkpoints"));
    byte[] best = new byte[0];
    TrainingResult result;
    try (Trainer trainer = open(small(true), options)) {
      trainer.checkpointTo(store);
      List<TrainingListener.Epoch> epochs = new ArrayList<>();
      List<byte[]> models = new ArrayList<>();
      result =
          trainer.run(
              new TrainingListener() {
                @Override
                public void onEpoch(Epoch epoch) {
                  epochs.add(epoch);
                  models.add(trainer.session().runningStatistics().toArray(JAVA_BYTE));
                }
              });
      assertThat(result.stoppedEarly()).isTrue();
      assertThat(result.cancelled()).isFalse();
      assertThat(result.bestEpoch()).isEqualTo(1);
      assertThat(result.steps()).isEqualTo(4 * 7);
      assertThat(epochs).hasSize(4);
      assertThat(result.testAccuracy()).isEqualTo(epochs.getFirst().testAccuracy());
      assertThat(result.testLoss()).isEqualTo(epochs.getFirst().testLoss());
      // The running statistics do move, and those of the best epoch are in use.
      assertThat(models.getFirst()).isNotEqualTo(models.getLast());
      assertThat(trainer.session().runningStatistics().toArray(JAVA_BYTE))
          .isEqualTo(models.getFirst());
      assertThat(evaluate(trainer).loss()).isEqualTo(result.testLoss());
      best = model(trainer, "best.safetensors");
    }
    try (Trainer trainer = open(small(true), options)) {
      resume(trainer, store);
      TrainingResult again = trainer.run(SILENT);
      assertThat(again.stoppedEarly()).isTrue();
      assertThat(again.steps()).isEqualTo(result.steps());
      assertThat(again.testAccuracy()).isEqualTo(result.testAccuracy());
      assertThat(model(trainer, "resumed.safetensors")).isEqualTo(best);
    }
  }

  @Test
  void aRunThatGainsGoesOnToItsEnd() {
    BestEpoch best = new BestEpoch(new EarlyStopping(2, 0.01));
    double[] accuracies = {0.5, 0.505, 0.52, 0.52, 0.53, 0.5295, 0.5};
    boolean[] isBest = {true, false, true, false, false, false, false};
    int[] exhaustedFrom = {4};
    for (int i = 0; i < accuracies.length; i++) {
      assertThat(best.offer(i + 1, accuracies[i], 1.0 / (i + 1)))
          .as("epoch %d", i + 1)
          .isEqualTo(isBest[i]);
      assertThat(best.isExhausted()).as("after epoch %d", i + 1).isEqualTo(i >= exhaustedFrom[0]);
    }
    assertThat(best.epoch()).isEqualTo(3);
    assertThat(best.score()).isEqualTo(0.52);
    assertThat(best.loss()).isEqualTo(1.0 / 3);
    BestEpoch off = new BestEpoch(null);
    assertThat(off.offer(1, 1, 1)).isFalse();
    assertThat(off.isExhausted()).isFalse();
    assertThat(off.isFound()).isFalse();
  }

  @Test
  void numbersThatMakeNoSenseAreRefused() {
    for (double smoothing : new double[] {-0.1, 1, Double.NaN}) {
      assertThatThrownBy(() -> options().labelSmoothing(smoothing).build())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("label smoothing is " + smoothing);
      assertThatThrownBy(() -> new SessionOptions(1, smoothing))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> options().earlyStopping(1, smoothing))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a gain of " + smoothing);
    }
    assertThatThrownBy(() -> options().earlyStopping(0, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("waits for 0 epochs, give 1 or more");
  }
}
