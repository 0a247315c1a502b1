package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Runs that diverge: found in the step, and nothing of them is saved or served. */
class DivergedRunTest extends ShortRun {
  @Test
  void aStepThatLeavesNoFiniteStatisticsEndsTheRunAndNothingOfItIsSavedOrServed() {
    CheckpointStore store = new CheckpointStore(folder);
    Path file = folder.resolve("model.safetensors");
    TrainingOptionsBuilder options =
        options().steps(30).schedule(Schedule.CONSTANT, 1e9f).checkpointEvery(1);
    try (Trainer trainer = open(data, options)) {
      trainer.checkpointTo(store);
      assertThatThrownBy(() -> trainer.run(SILENT))
          .isInstanceOf(DivergedException.class)
          .hasMessageContaining("Try a lower learning rate");
      set(trainer, "one.bn.running_var", Float.POSITIVE_INFINITY);
      assertThatThrownBy(() -> trainer.saveModel(file))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining("holds");
      assertThatThrownBy(trainer::checkpoint).isInstanceOf(DivergedException.class);
      assertThatThrownBy(() -> trainer.predictor(PredictorOptions.defaults(), account))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("diverged");
    }
    assertThat(file).doesNotExist();
  }

  @Test
  void valuesThatAreNotFiniteAreFoundInTheStepThatLeavesThem() {
    for (String parameter : List.of("fc.weight", "one.bn.running_var", "one.bn.running_mean")) {
      try (Trainer trainer = open(data, options())) {
        // The loss of step 3 is finite: what is spoilt is not read by it, or only after it.
        TrainingListener spoiling =
            onStep(
                step -> {
                  if (step == 2) {
                    set(trainer, parameter, Float.NaN);
                  }
                });
        assertThatThrownBy(() -> trainer.run(spoiling))
            .as(parameter)
            .isInstanceOfSatisfying(
                DivergedException.class, e -> assertThat(e.step()).isEqualTo(3));
      }
    }
  }

  @Test
  void aTestLossThatIsNotFiniteEndsTheRunAndItsCheckpointIsNoGoodOne() {
    CheckpointStore store = new CheckpointStore(folder, 1);
    List<TrainingListener.Epoch> epochs = new ArrayList<>();
    try (Trainer trainer = open(data, options().checkpointEvery(1))) {
      trainer.checkpointTo(store);
      TrainingListener spoiling =
          new TrainingListener() {
            @Override
            public void onStep(Step step) {
              if (step.step() == 3) {
                set(trainer, "fc.weight", 3e38f);
                set(trainer, "one.bn.weight", 3e38f);
                set(trainer, "one.bn.bias", 3e38f);
              }
            }

            @Override
            public void onEpoch(Epoch epoch) {
              epochs.add(epoch);
            }
          };
      assertThatThrownBy(() -> trainer.run(spoiling))
          .isInstanceOf(DivergedException.class)
          .hasMessageContaining("loss on the test pictures after step 3");
    }
    assertThat(epochs).isEmpty();
    assertThat(store.list()).containsExactly(folder.resolve("step-000000002.nibble"));
    assertThat(folder.resolve("step-000000003.nibble.diverged")).exists();
    byte[][] expected = uninterrupted();
    try (Trainer trainer = open(data, options().checkpointEvery(1))) {
      trainer.checkpointTo(store);
      resume(trainer, store);
      trainer.run(SILENT);
      assertThat(bytes(trainer)).isDeepEqualTo(expected);
    }
  }

  @Test
  void aCheckpointOfARunThatDivergedIsRefused() {
    CheckpointStore store = new CheckpointStore(folder);
    for (String name : List.of("weights", "running statistics")) {
      saveChanged(
          store,
          UnaryOperator.identity(),
          (section, bytes) -> {
            if (section.equals(name)) {
              MemorySegment.ofArray(bytes).set(JAVA_FLOAT.withByteAlignment(1), 64, Float.NaN);
            }
          });
      try (Trainer trainer = open(data, options())) {
        assertThatThrownBy(() -> resume(trainer, store))
            .isInstanceOf(CheckpointException.class)
            .hasMessageContaining("'" + name + "' holds NaN")
            .hasMessageContaining("delete it");
      }
    }
  }
}
