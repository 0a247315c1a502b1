package dev.nibble.engine.tensorboard;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.files.Disk;
import dev.nibble.engine.files.FailingDisk;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingRun;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event files say what happened, by the word of a reader that shares no code with the writer. */
class TensorBoardListenerTest {
  private static final Clock NOON =
      Clock.fixed(Instant.parse("2026-03-01T12:00:00.250Z"), ZoneOffset.UTC);

  private final DataSplits data =
      new DataSplits(ShapesDataset.train(1, 48), ShapesDataset.test(1, 20), "shapes");
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  private final List<String> warnings = new ArrayList<>();
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    account.close();
  }

  private static Network network() {
    NetworkBuilder b = Network.builder("small", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("one.bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  /** Four steps of 16 pictures: an epoch of three, and one more. */
  private Trainer trainer() {
    TrainingOptions options =
        TrainingOptions.builder().batch(16).steps(4).seed(3).threads(1).build();
    return Trainer.open(network(), data, options, TestKernels.chosen(), account);
  }

  private TensorBoardListener open(Disk disk) {
    return TensorBoardListener.open(folder, account, warnings::add, disk, NOON);
  }

  /** Remembers what the run said, to compare the file with. */
  private static class Memory implements TrainingListener {
    final List<Step> steps = new ArrayList<>();
    final List<Epoch> epochs = new ArrayList<>();
    final List<float[]> weights = new ArrayList<>();
    @Nullable TrainingRun run;

    @Override
    public void onStart(TrainingRun started) {
      run = started;
    }

    @Override
    public void onStep(Step step) {
      steps.add(step);
    }

    @Override
    public void onEpoch(Epoch epoch) {
      epochs.add(epoch);
      TrainingRun current = Objects.requireNonNull(run);
      Parameter first = current.parameters().getFirst();
      weights.add(current.values(first).toArray(JAVA_FLOAT));
    }
  }

  @Test
  void theReadersChecksumIsTheStandardsOne() {
    byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
    assertThat(EventReader.crc(digits, digits.length)).isEqualTo(0xe3069283);
  }

  @Test
  void aRunsCourseIsReadBack() throws IOException {
    Memory memory = new Memory();
    long used;
    Path file;
    try (Trainer trainer = trainer();
        TensorBoardListener board = open(Disk.system())) {
      used = account.used();
      trainer.run(TrainingListener.all(memory, board));
      file = board.file();
    }
    assertThat(warnings).isEmpty();
    assertThat(file.getFileName().toString()).startsWith("events.out.tfevents.1772366400.");
    List<EventReader.Event> events = EventReader.read(file);
    assertThat(events.getFirst().version()).isEqualTo("brain.Event:2");
    assertThat(events).allSatisfy(e -> assertThat(e.wallTime()).isEqualTo(1772366400.25));
    List<EventReader.Event> steps =
        events.stream().filter(e -> e.scalars().containsKey("train/loss")).toList();
    assertThat(steps).hasSize(4);
    for (int i = 0; i < 4; i++) {
      TrainingListener.Step step = memory.steps.get(i);
      assertThat(steps.get(i).step()).isEqualTo(i + 1);
      assertThat(steps.get(i).scalars())
          .containsEntry("train/loss", (float) step.loss())
          .containsEntry("train/accuracy", (float) step.accuracy())
          .containsEntry("train/learning_rate", step.rate())
          .containsEntry("train/images_per_second", (float) step.imagesPerSecond())
          .containsEntry("memory/used_bytes", (float) used)
          .hasSize(5);
    }
    List<EventReader.Event> epochs =
        events.stream().filter(e -> e.scalars().containsKey("test/loss")).toList();
    assertThat(epochs).extracting(EventReader.Event::step).containsExactly(3L, 4L);
    assertThat(epochs.getLast().scalars())
        .containsEntry("test/loss", (float) memory.epochs.getLast().testLoss())
        .containsEntry("test/accuracy", (float) memory.epochs.getLast().testAccuracy());
    checkHistograms(events, memory);
  }

  private static void checkHistograms(List<EventReader.Event> events, Memory memory) {
    List<String> names = network().parameters().stream().map(p -> "weights/" + p.name()).toList();
    List<String> twice = new ArrayList<>(names);
    twice.addAll(names);
    assertThat(events.stream().flatMap(e -> e.histograms().keySet().stream()))
        .containsExactlyElementsOf(twice);
    EventReader.Distribution last =
        events.stream()
            .flatMap(e -> e.histograms().entrySet().stream())
            .filter(entry -> entry.getKey().equals(names.getFirst()))
            .reduce((a, b) -> b)
            .orElseThrow()
            .getValue();
    float[] values = memory.weights.getLast();
    double least = Double.POSITIVE_INFINITY;
    double greatest = Double.NEGATIVE_INFINITY;
    double sum = 0;
    double squares = 0;
    for (float value : values) {
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
      sum += value;
      squares += (double) value * value;
    }
    assertThat(last.least()).isEqualTo(least);
    assertThat(last.greatest()).isEqualTo(greatest);
    assertThat(last.count()).isEqualTo((double) values.length);
    assertThat(last.sum()).isCloseTo(sum, within(1e-9));
    assertThat(last.squares()).isCloseTo(squares, within(1e-9));
    assertThat(last.limits()).hasSameSizeAs(last.counts()).isSorted().last().isEqualTo(greatest);
    assertThat(last.counts().stream().mapToDouble(c -> c).sum()).isEqualTo((double) values.length);
    double from = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < last.limits().size(); i++) {
      double to = last.limits().get(i);
      double inside = 0;
      for (float value : values) {
        inside += value > from && value <= to ? 1 : 0;
      }
      // A value on a limit, or within rounding of it, may count on either side.
      assertThat(last.counts().get(i)).as("bucket %d", i).isCloseTo(inside, within(2.0));
      from = to;
    }
  }

  @Test
  void aResumedRunBeginsAnotherFileAndTakesBackTheStepsItRepeats() throws IOException {
    CheckpointStore store = new CheckpointStore(folder.resolve("checkpoints"));
    Path before;
    try (Trainer trainer = trainer();
        TensorBoardListener board = open(Disk.system())) {
      before = board.file();
      trainer.checkpointTo(store);
      TrainingListener stop =
          new TrainingListener() {
            @Override
            public void onStep(Step step) {
              if (step.step() == 2) {
                trainer.cancel();
              }
            }
          };
      trainer.run(TrainingListener.all(board, stop));
    }
    byte[] untouched = Files.readAllBytes(before);
    Path after;
    try (Trainer trainer = trainer();
        LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow();
        TensorBoardListener board = open(Disk.system())) {
      trainer.resume(checkpoint);
      trainer.run(board);
      after = board.file();
    }
    assertThat(Files.readAllBytes(before)).isEqualTo(untouched);
    // TensorBoard reads a folder's files in the order of their names.
    assertThat(after.toString()).isGreaterThan(before.toString());
    List<EventReader.Event> events = EventReader.read(after);
    assertThat(events.get(0).version()).isEqualTo("brain.Event:2");
    assertThat(events.get(1).restart()).isTrue();
    assertThat(events.get(1).step()).isEqualTo(3);
    assertThat(events.stream().filter(e -> e.scalars().containsKey("train/loss")))
        .extracting(EventReader.Event::step)
        .containsExactly(3L, 4L);
  }

  @Test
  void aDiskThatFillsUpCostsAWarningAndNotTheRun() throws IOException {
    Path file;
    try (Trainer trainer = trainer();
        TensorBoardListener board = open(FailingDisk.withRoom(500))) {
      file = board.file();
      assertThat(trainer.run(board).steps()).isEqualTo(4);
    }
    assertThat(warnings)
        .singleElement()
        .asString()
        .contains(file.toString(), "No space left on device", "goes on without");
    assertThat(Files.size(file)).isEqualTo(500);
    assertThat(EventReader.read(file))
        .extracting(EventReader.Event::step)
        .startsWith(0L, 1L)
        .doesNotContain(3L);
  }

  @Test
  void aFolderThatCannotBeWrittenIsRefusedInASentence() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThatThrownBy(() -> TensorBoardListener.open(file, account, warnings::add))
        .isInstanceOf(TensorBoardException.class)
        .hasMessage(
            "Cannot write TensorBoard's events to the folder %s: it is a file; choose another one.",
            file);
    assertThatThrownBy(
            () -> TensorBoardListener.open(file.resolve("below"), account, warnings::add))
        .isInstanceOf(TensorBoardException.class)
        .hasMessageContaining("choose another one.");
    assertThatThrownBy(() -> open(FailingDisk.at(FailingDisk.Fault.CREATE)))
        .isInstanceOf(TensorBoardException.class)
        .hasMessageContaining("the disk fails at CREATE");
    assertThatThrownBy(() -> open(FailingDisk.withRoom(5)))
        .isInstanceOf(TensorBoardException.class)
        .hasMessageContaining("No space left on device");
  }

  @Test
  void listenersReadWeightsButCannotChangeThem() {
    try (Trainer trainer = trainer()) {
      trainer.run(
          new TrainingListener() {
            @Override
            public void onStart(TrainingRun run) {
              assertThat(run.network()).isEqualTo("small");
              assertThat(run.batch()).isEqualTo(16);
              assertThat(run.totalSteps()).isEqualTo(4);
              assertThat(run.stepsPerEpoch()).isEqualTo(3);
              assertThat(run.plannedBytes()).isEqualTo(account.used());
              for (Parameter parameter : run.parameters()) {
                assertThat(run.values(parameter).isReadOnly()).isTrue();
                assertThat(run.values(parameter).byteSize()).isEqualTo(4L * parameter.size());
              }
            }
          });
    }
  }
}
