package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs whose activations have formats of their own: repeatable, resumed, refused. */
class MixedFormatsTest {
  private static final TrainingListener SILENT = new TrainingListener() {};

  private final Network network = ResNet.of("resnet8", new FeatureMap(32, 32, 3), 10);
  private final DataSplits data =
      new DataSplits(ShapesDataset.train(1, 24), ShapesDataset.test(1, 10), "shapes");
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    assertThat(account.used()).isZero();
    account.close();
  }

  private static TrainingOptionsBuilder options(double bits) {
    return TrainingOptions.builder().mixed(MixedFormats.average(bits)).batch(8).steps(4).threads(2);
  }

  private Trainer open(TrainingOptions options) {
    return Trainer.open(network, data, options, TestKernels.chosen(), account);
  }

  private byte[] weights(TrainingOptions options) {
    try (Trainer trainer = open(options)) {
      trainer.run(SILENT);
      return trainer.session().weights().toArray(JAVA_BYTE);
    }
  }

  @Test
  void formatsAreSettledPlannedAndTold() {
    try (Trainer trainer = open(options(3).build())) {
      MixedFormats mixed = Objects.requireNonNull(trainer.options().mixed());
      assertThat(mixed.isChosen()).isTrue();
      assertThat(trainer.choice().plan().averageBits()).isBetween(2.9, 3.0);
      assertThat(trainer.choice().reason()).startsWith("mixed (");
      assertThat(account.used()).isEqualTo(trainer.choice().plan().totalBytes());
      trainer.run(SILENT);
      Path file = folder.resolve("model.safetensors");
      trainer.saveModel(file);
      assertThat(ModelFile.info(file).metadata())
          .containsEntry("activations", "mixed")
          .containsEntry("formats", mixed.text());
      assertThat(MixedFormats.average(3).withText(mixed.text())).isEqualTo(mixed);
    }
    assertThatThrownBy(() -> MixedFormats.byMemory().withText("int5 stem"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> MixedFormats.average(9)).hasMessageContaining("1.25 to 8 bits");
  }

  private TrainingPlan measuredPlan(TrainingOptions options, long limit) {
    return MemoryBudget.choose(network, options, data.train(), TestKernels.chosen(), limit).plan();
  }

  private MixedFormats measured(TrainingOptions options, long limit) {
    return Objects.requireNonNull(measuredPlan(options, limit).options().mixed());
  }

  /** All workers must come to the same, each for itself. */
  @Test
  void whatIsMeasuredIsTheSameForThreadsAndWorkers() {
    TrainingOptions one = options(2.5).build();
    MixedFormats formats = measured(one, MemoryAccount.UNLIMITED);
    assertThat(measured(options(2.5).threads(5).build(), MemoryAccount.UNLIMITED))
        .isEqualTo(formats);
    Workers three = new Workers(0, 1, 3, false);
    for (int rank = 0; rank < 3; rank++) {
      TrainingOptions shared = options(2.5).workers(three).build().as(rank, 3);
      assertThat(measured(shared, MemoryAccount.UNLIMITED)).isEqualTo(formats);
    }
    MemoryBudget.Choice byTable =
        MemoryBudget.choose(
            network, one, data.train().size(), TestKernels.chosen(), MemoryAccount.UNLIMITED);
    assertThat(formats).isNotEqualTo(byTable.plan().options().mixed());
  }

  /** What measures it has an account of that limit, and would be refused more. */
  @Test
  void measuringTakesNoMoreThanTheLimit() {
    for (MixedFormats mixed : List.of(MixedFormats.average(1.5), MixedFormats.byMemory())) {
      TrainingOptions wanted = options(3).mixed(mixed).threads(1).build();
      MixedFormats least = MixedFormats.average(1.25);
      long needed =
          measuredPlan(options(3).mixed(least).threads(1).build(), MemoryAccount.UNLIMITED)
              .totalBytes();
      TrainingPlan plan = measuredPlan(wanted, needed + (needed >> 5));
      assertThat(plan.totalBytes()).isLessThanOrEqualTo(needed + (needed >> 5));
    }
  }

  @Test
  void weightsDependOnTheFormatsAndNotOnThreads() {
    byte[] weights = weights(options(2.2).build());
    assertThat(weights(options(2.2).threads(5).build())).isEqualTo(weights);
    assertThat(weights(options(6).build())).isNotEqualTo(weights);
  }

  @Test
  void aResumedRunGoesOnWithTheRecordedFormats() {
    byte[] whole = weights(options(3).build());
    CheckpointStore store = new CheckpointStore(folder);
    String formats;
    try (Trainer trainer = open(options(3).build())) {
      trainer.checkpointTo(store);
      formats = Objects.requireNonNull(trainer.options().mixed()).text();
      trainer.run(
          new TrainingListener() {
            @Override
            public void onStep(Step step) {
              if (step.step() == 2) {
                trainer.cancel();
              }
            }
          });
    }
    // Not chosen again, but as it was recorded.
    TrainingOptions recorded = options(3).mixed(MixedFormats.byMemory().withText(formats)).build();
    try (Trainer trainer = open(recorded);
        LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      trainer.resume(checkpoint);
      trainer.run(SILENT);
      assertThat(trainer.session().weights().toArray(JAVA_BYTE)).isEqualTo(whole);
    }
    try (Trainer trainer = open(options(5).build());
        LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      assertThatThrownBy(() -> trainer.resume(checkpoint))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("other formats of its activations");
    }
  }
}
