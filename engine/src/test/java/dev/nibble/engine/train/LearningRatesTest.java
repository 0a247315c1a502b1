package dev.nibble.engine.train;

import static dev.nibble.engine.train.HalvesRun.data;
import static dev.nibble.engine.train.HalvesRun.network;
import static dev.nibble.engine.train.HalvesRun.options;
import static dev.nibble.engine.train.HalvesRun.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.loading.Mixing;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.optim.LearningRateSchedule;
import dev.nibble.engine.optim.Loss;
import dev.nibble.engine.train.HalvesRun.Outcome;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Schedules of a user's own, and rates that are found. */
class LearningRatesTest {
  @TempDir private Path folder;

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
