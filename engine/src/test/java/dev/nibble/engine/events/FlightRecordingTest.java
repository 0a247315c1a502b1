package dev.nibble.engine.events;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.data.loading.PrefetchingDataLoader;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import jdk.jfr.Event;
import jdk.jfr.EventType;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A flight recording of a small training holds each event as often as it happened. */
class FlightRecordingTest {
  private static final int STEPS = 4;
  private static final int BATCH = 16;

  private final DataSplits data =
      new DataSplits(ShapesDataset.train(1, 48), ShapesDataset.test(1, 20), "shapes");
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    account.close();
  }

  private static Network network() {
    NetworkBuilder b = Network.builder("small", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.convolution("two", b.relu(b.batchNorm("one.bn", x)), 16, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("two.bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  private Trainer trainer() {
    TrainingOptions options =
        TrainingOptions.builder()
            .store(StoreFormat.INT4)
            .batch(BATCH)
            .steps(STEPS)
            .threads(1)
            .checkpointEvery(2)
            .build();
    return Trainer.open(network(), data, options, TestKernels.chosen(), account);
  }

  /** As by {@code -XX:StartFlightRecording}: nothing is set, so that defaults count. */
  private Recording start() {
    Recording recording = new Recording();
    recording.start();
    return recording;
  }

  private List<RecordedEvent> stop(Recording recording) throws IOException {
    recording.stop();
    Path file = folder.resolve("recording.jfr");
    recording.dump(file);
    return RecordingFile.readAllEvents(file);
  }

  private static List<RecordedEvent> named(List<RecordedEvent> events, String name) {
    return events.stream().filter(e -> e.getEventType().getName().equals(name)).toList();
  }

  @Test
  void stepsPlansCheckpointsAndEvaluationsAreRecordedByDefault() throws IOException {
    List<TrainingListener.Step> steps = new ArrayList<>();
    List<TrainingListener.Epoch> epochs = new ArrayList<>();
    List<RecordedEvent> events;
    long total;
    long stored;
    long moved;
    try (Recording recording = start()) {
      try (Trainer trainer = trainer()) {
        trainer.checkpointTo(new CheckpointStore(folder.resolve("checkpoints")));
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
        total = trainer.choice().plan().slabBytes();
        stored = trainer.choice().plan().storeBytes();
        moved = trainer.choice().plan().movedBytes();
      }
      events = stop(recording);
    }
    List<RecordedEvent> recorded = named(events, "dev.nibble.Step");
    assertThat(recorded).hasSize(STEPS);
    for (int i = 0; i < STEPS; i++) {
      RecordedEvent event = recorded.get(i);
      TrainingListener.Step step = steps.get(i);
      assertThat(event.getLong("step")).isEqualTo(i + 1);
      assertThat(event.getInt("epoch")).isEqualTo(step.epoch());
      assertThat(event.getLong("pictures")).isEqualTo(BATCH);
      assertThat(event.getDouble("loss")).isEqualTo(step.loss());
      assertThat(event.getDouble("accuracy")).isEqualTo(step.accuracy());
      assertThat(event.getFloat("learningRate")).isEqualTo(step.rate());
      assertThat(event.getLong("stored")).isEqualTo(stored).isPositive();
      assertThat(event.getLong("moved")).isEqualTo(moved).isGreaterThan(stored);
      assertThat(event.getDuration()).isPositive().isLessThan(Duration.ofMinutes(1));
      assertThat(event.getStackTrace()).as("it would cost more than the event").isNull();
      assertThat(event.getThread().getJavaName()).isEqualTo(Thread.currentThread().getName());
    }
    assertThat(named(events, "dev.nibble.Plan"))
        .singleElement()
        .satisfies(
            event -> {
              assertThat(event.getString("network")).isEqualTo("small");
              assertThat(event.getInt("batch")).isEqualTo(BATCH);
              assertThat(event.getBoolean("training")).isTrue();
              assertThat(event.getLong("total")).isEqualTo(total);
              assertThat(event.getLong("stored")).isEqualTo(stored);
            });
    List<RecordedEvent> checkpoints = named(events, "dev.nibble.Checkpoint");
    assertThat(checkpoints)
        .extracting(e -> e.getLong("step"))
        // The last one is saved before its evaluation, then again with its outcome.
        .containsExactly(2L, 4L, 4L);
    for (RecordedEvent checkpoint : checkpoints) {
      assertThat(checkpoint.getLong("size")).isPositive();
      assertThat(checkpoint.getDuration()).isPositive();
    }
    for (RecordedEvent checkpoint : List.of(checkpoints.getFirst(), checkpoints.getLast())) {
      assertThat(checkpoint.getLong("size"))
          .isEqualTo(Files.size(Path.of(checkpoint.getString("file"))));
    }
    List<RecordedEvent> evaluations = named(events, "dev.nibble.Evaluation");
    assertThat(evaluations).extracting(e -> e.getLong("pictures")).containsExactly(20L, 20L);
    assertThat(evaluations.getLast().getDouble("accuracy"))
        .isEqualTo(epochs.getLast().testAccuracy());
    assertThat(named(events, "dev.nibble.StageForward")).isEmpty();
    assertThat(named(events, "dev.nibble.StageBackward")).isEmpty();
  }

  @Test
  void stagesAreRecordedOnRequest() throws IOException {
    List<RecordedEvent> events;
    try (Recording recording = new Recording()) {
      recording.enable("dev.nibble.StageForward");
      recording.enable("dev.nibble.StageBackward");
      recording.start();
      try (Trainer trainer = trainer()) {
        trainer.run(new TrainingListener() {});
      }
      events = stop(recording);
    }
    List<RecordedEvent> forward = named(events, "dev.nibble.StageForward");
    List<RecordedEvent> backward = named(events, "dev.nibble.StageBackward");
    List<String> stages =
        forward.stream().map(e -> e.getString("stage")).limit(forward.size() / STEPS).toList();
    assertThat(stages).hasSizeGreaterThanOrEqualTo(3).startsWith("one", "two").endsWith("fc");
    assertThat(forward).hasSize(STEPS * stages.size());
    assertThat(backward)
        .extracting(e -> e.getString("stage"))
        .hasSize(forward.size())
        .startsWith(stages.reversed().toArray(String[]::new));
    RecordedEvent two = forward.get(1);
    assertThat(two.getInt("index")).isEqualTo(1);
    assertThat(two.getInt("batch")).isEqualTo(BATCH);
    // 16 x 16 x 16 activations a picture, in 4 bits.
    assertThat(two.getLong("stored")).isEqualTo(BATCH * 16 * 16 * 16 / 2);
    assertThat(two.getLong("moved")).isGreaterThan(BATCH * (16 * 16 * 16 + 8 * 8 * 16) * 4L);
    assertThat(events).allSatisfy(e -> assertThat(e.getDuration()).isPositive());
    assertThat(backward.getFirst().getLong("moved")).isPositive();
  }

  @Test
  void aWaitForDataIsRecorded() throws IOException {
    List<RecordedEvent> events;
    try (Recording recording = start();
        Arena arena = Arena.ofShared()) {
      BatchSlot slot = BatchSlot.allocate(arena, BATCH, 32, 32, 3);
      try (DataLoader loader =
          new PrefetchingDataLoader(
              data.train(), BATCH, Augmentation.NONE, true, 1, List.of(slot), 0, 50, true)) {
        // With a single slot nothing can be loaded ahead: every batch but the first is waited for.
        for (BatchSlot taken = loader.take(); taken != null; taken = loader.take()) {
          loader.release(taken);
        }
        assertThat(loader.waitNanos()).isPositive();
      }
      events = named(stop(recording), "dev.nibble.DataWait");
    }
    assertThat(events).isNotEmpty().hasSizeLessThanOrEqualTo(50);
    assertThat(events)
        .allSatisfy(
            event -> {
              assertThat(event.getLong("number")).isBetween(0L, 49L);
              assertThat(event.getInt("pictures")).isEqualTo(BATCH);
              assertThat(event.getLong("size")).isEqualTo(BATCH * 32 * 32 * 3);
              assertThat(event.getDuration()).isPositive();
            });
  }

  @Test
  void predictionsAreRecordedFromTheGivenThreshold() throws IOException {
    List<RecordedEvent> events;
    try (Recording recording = new Recording();
        Trainer trainer = trainer();
        Predictor predictor =
            trainer.predictor(PredictorOptions.defaults().withThreads(1), account)) {
      recording.enable("dev.nibble.Prediction").withThreshold(Duration.ZERO);
      recording.start();
      float[] logits = new float[3 * 10];
      predictor.predict(new float[32 * 32 * 3], 1, logits);
      predictor.predict(new float[3 * 32 * 32 * 3], 3, logits);
      events = stop(recording);
    }
    assertThat(events)
        .hasSize(2)
        .allSatisfy(
            event -> {
              assertThat(event.getString("network")).isEqualTo("small");
              assertThat(event.getLong("size")).isEqualTo(event.getInt("pictures") * 12L * 32 * 32);
              assertThat(event.getDuration()).isPositive();
            });
    assertThat(events).extracting(e -> e.getInt("pictures")).containsExactly(1, 3);
  }

  @ParameterizedTest
  @ValueSource(
      classes = {
        StepEvent.class,
        ForwardEvent.class,
        BackwardEvent.class,
        EvaluationEvent.class,
        PlanEvent.class,
        CheckpointEvent.class,
        DataWaitEvent.class,
        PredictionEvent.class
      })
  void everyEventIsNamedAndDescribedForPeople(Class<? extends Event> type) {
    EventType event = EventType.getEventType(type);
    assertThat(event.getName()).startsWith("dev.nibble.");
    assertThat(event.getLabel()).isNotBlank();
    assertThat(event.getDescription()).isNotBlank();
    assertThat(event.getCategoryNames()).startsWith("Nibble");
    assertThat(event.isEnabled()).isFalse();
  }
}
