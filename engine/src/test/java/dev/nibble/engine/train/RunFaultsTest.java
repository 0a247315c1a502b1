package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointMeta;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.checkpoint.Section;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.data.views.Datasets;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs that diverge, fail, are interrupted, or are to go on with other data: nothing is lost. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RunFaultsTest {
  private static final FeatureMap PICTURES = new FeatureMap(32, 32, 3);
  private static final TrainingListener SILENT = new TrainingListener() {};

  private final Dataset train = ShapesDataset.train(1, 48);
  private final Dataset test = ShapesDataset.test(1, 20);
  private final DataSplits data = new DataSplits(train, test, "shapes");
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
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 4);
    x = b.globalAveragePool(b.relu(b.batchNorm("one.bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(16)
        .steps(6)
        .schedule(Schedule.COSINE, 0.05f)
        .seed(3)
        .threads(2);
  }

  private Trainer open(DataSplits splits, TrainingOptionsBuilder options) {
    return Trainer.open(small(), splits, options.build(), TestKernels.chosen(), account);
  }

  private static byte[][] bytes(Trainer trainer) {
    return new byte[][] {
      trainer.session().weights().toArray(JAVA_BYTE),
      TestSession.optimizerState(trainer.session()),
      trainer.session().runningStatistics().toArray(JAVA_BYTE)
    };
  }

  private static TrainingListener onStep(LongConsumer action) {
    return new TrainingListener() {
      @Override
      public void onStep(Step step) {
        action.accept(step.step());
      }
    };
  }

  private static void set(Trainer trainer, String parameter, float value) {
    MemorySegment values = trainer.session().values(small().parameter(parameter));
    values.set(JAVA_FLOAT, 4, value);
  }

  private static void resume(Trainer trainer, CheckpointStore store) {
    try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      trainer.resume(checkpoint);
    }
  }

  private byte[][] uninterrupted() {
    try (Trainer trainer = open(data, options())) {
      trainer.run(SILENT);
      return bytes(trainer);
    }
  }

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

  private interface Change {
    void apply(String section, byte[] bytes);
  }

  /** Saves a checkpoint of step 2 with other words, or other bytes, than a run's. */
  private void saveChanged(
      CheckpointStore store, UnaryOperator<Map<String, String>> words, Change change) {
    CheckpointStore sound = new CheckpointStore(folder.resolve("sound"));
    if (sound.list().isEmpty()) {
      try (Trainer trainer = open(data, options().checkpointEvery(2).steps(2))) {
        trainer.checkpointTo(sound);
        trainer.run(SILENT);
      }
    }
    try (LoadedCheckpoint checkpoint = sound.loadLatest(w -> {}).orElseThrow()) {
      List<Section> sections = new ArrayList<>();
      checkpoint
          .sections()
          .forEach(
              (name, size) -> {
                byte[] bytes = new byte[Math.toIntExact(size)];
                checkpoint.copySection(name, MemorySegment.ofArray(bytes));
                change.apply(name, bytes);
                sections.add(new Section(name, MemorySegment.ofArray(bytes)));
              });
      CheckpointMeta meta = checkpoint.meta();
      Map<String, String> order = new LinkedHashMap<>(meta.dataOrder());
      order.put("steps", "6");
      store.save(
          new CheckpointMeta(
              meta.model(), meta.step(), meta.epoch(), meta.seed(), words.apply(order), 1),
          sections);
    }
  }

  /** The test pictures, of which one cannot be read. */
  private static Dataset broken(Dataset source) {
    return (Dataset)
        Proxy.newProxyInstance(
            Dataset.class.getClassLoader(),
            new Class<?>[] {Dataset.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("read") && arguments[0].equals(7)) {
                throw new DataException("Picture 7 is broken.");
              }
              if (method.getName().equals("identity")) {
                return "picture " + arguments[0];
              }
              try {
                return method.invoke(source, arguments);
              } catch (InvocationTargetException e) {
                throw Objects.requireNonNull(e.getCause());
              }
            });
  }

  @Test
  void anEvaluationThatFailsCostsNoStepAndIsMadeUpForByTheResumedRun() {
    byte[][] expected = uninterrupted();
    for (long every : new long[] {0, 3}) {
      CheckpointStore store = new CheckpointStore(folder.resolve("every-" + every));
      List<String> heard = new ArrayList<>();
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void onEpoch(Epoch epoch) {
              heard.add(epoch.epoch() + " at " + epoch.step());
              assertThat(epoch.trainLoss()).isPositive().isFinite();
            }
          };
      DataSplits failing = new DataSplits(train, broken(test), "broken");
      try (Trainer trainer = open(failing, options().checkpointEvery(every))) {
        trainer.checkpointTo(store);
        assertThatThrownBy(() -> trainer.run(listener)).isInstanceOf(DataException.class);
      }
      assertThat(store.list().getFirst().getFileName()).hasToString("step-000000003.nibble");
      DataSplits mended = new DataSplits(train, named(test), "mended");
      try (Trainer trainer = open(mended, options().checkpointEvery(every))) {
        trainer.checkpointTo(store);
        resume(trainer, store);
        assertThat(trainer.done()).isEqualTo(3);
        TrainingResult result = trainer.run(listener);
        assertThat(result.steps()).isEqualTo(6);
        assertThat(bytes(trainer)).isDeepEqualTo(expected);
      }
      assertThat(heard).containsExactly("1 at 3", "2 at 6");
    }
  }

  private static Dataset otherLabels(Dataset source) {
    return (Dataset)
        Proxy.newProxyInstance(
            Dataset.class.getClassLoader(),
            new Class<?>[] {Dataset.class},
            (proxy, method, arguments) ->
                method.getName().equals("label") && arguments[0].equals(47)
                    ? (source.label(47) + 1) % 10
                    : method.invoke(source, arguments));
  }

  private static Dataset named(Dataset source) {
    return (Dataset)
        Proxy.newProxyInstance(
            Dataset.class.getClassLoader(),
            new Class<?>[] {Dataset.class},
            (proxy, method, arguments) ->
                method.getName().equals("identity")
                    ? "picture " + arguments[0]
                    : method.invoke(source, arguments));
  }

  @Test
  void anEvaluationCutByACancelIsMadeUpForToo() {
    CheckpointStore store = new CheckpointStore(folder);
    try (Trainer trainer = open(data, options().steps(3))) {
      trainer.checkpointTo(store);
      // 20 test pictures are two batches, and between them the cancel is seen.
      TrainingResult result = trainer.run(onStep(step -> cancelAt(trainer, step)));
      assertThat(result.cancelled()).isTrue();
      assertThat(result.testAccuracy()).isNaN();
    }
    try (Trainer trainer = open(data, options().steps(3))) {
      trainer.checkpointTo(store);
      resume(trainer, store);
      TrainingResult result = trainer.run(SILENT);
      assertThat(result.cancelled()).isFalse();
      assertThat(result.testAccuracy()).isBetween(0.0, 1.0);
      assertThat(result.loss()).isNaN(); // no step was left to make
    }
  }

  private static void cancelAt(Trainer trainer, long step) {
    if (step == 3) {
      trainer.cancel();
    }
  }

  @Test
  void aListenerThatFailsCostsNoStep() {
    CheckpointStore store = new CheckpointStore(folder);
    try (Trainer trainer = open(data, options())) {
      trainer.checkpointTo(store);
      TrainingListener failing =
          onStep(
              step -> {
                if (step == 2) {
                  throw new IllegalStateException("full");
                }
              });
      assertThatThrownBy(() -> trainer.run(failing)).hasMessage("full");
    }
    assertThat(store.list()).containsExactly(folder.resolve("step-000000002.nibble"));
  }

  @Test
  void anInterruptIsACancelThatTheThreadStillHasAfterwards() {
    byte[][] expected = uninterrupted();
    CheckpointStore store = new CheckpointStore(folder.resolve("checkpoints"));
    Path file = folder.resolve("model.safetensors");
    try (Trainer trainer = open(data, options())) {
      trainer.checkpointTo(store);
      TrainingListener interrupting =
          onStep(
              step -> {
                if (step == 2) {
                  Thread.currentThread().interrupt();
                }
              });
      TrainingResult result = trainer.run(interrupting);
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      assertThat(result.cancelled()).isTrue();
      assertThat(result.steps()).isEqualTo(2);
      trainer.saveModel(file); // files are written by an interrupted thread as by any other
      trainer.checkpoint();
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(file).exists();
    try (Trainer trainer = open(data, options())) {
      trainer.checkpointTo(store);
      resume(trainer, store);
      assertThat(trainer.done()).isEqualTo(2);
      trainer.run(SILENT);
      assertThat(bytes(trainer)).isDeepEqualTo(expected);
    }
  }

  @Test
  void anInterruptThatComesAtAnyTimeLosesNoStep() throws Exception {
    byte[][] expected = uninterrupted();
    for (int delay = 0; delay < 12; delay++) {
      CheckpointStore store = new CheckpointStore(folder.resolve("delay-" + delay));
      long pause = delay * 700_000L;
      try (Trainer trainer = open(data, options().checkpointEvery(1))) {
        trainer.checkpointTo(store);
        Thread training = Thread.currentThread();
        Thread other =
            Thread.ofPlatform()
                .start(
                    () -> {
                      long end = System.nanoTime() + pause;
                      while (System.nanoTime() < end) {
                        Thread.onSpinWait();
                      }
                      training.interrupt();
                    });
        long steps = trainer.run(SILENT).steps();
        boolean still = Thread.interrupted();
        other.join();
        still |= Thread.interrupted();
        assertThat(still).isTrue();
        try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
          assertThat(checkpoint.meta().step()).isEqualTo(steps);
        }
      }
      try (Trainer trainer = open(data, options().checkpointEvery(1))) {
        trainer.checkpointTo(store);
        resume(trainer, store);
        trainer.run(SILENT);
        assertThat(bytes(trainer)).isDeepEqualTo(expected);
      }
    }
  }

  private void assertRefused(CheckpointStore store, DataSplits other, String why) {
    try (Trainer trainer = open(other, options())) {
      byte[][] fresh = bytes(trainer);
      assertThatThrownBy(() -> resume(trainer, store))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("trained on other data: " + why);
      assertThat(bytes(trainer)).isDeepEqualTo(fresh);
    }
  }

  @Test
  void aRunDoesNotGoOnWithOtherData() {
    CheckpointStore store = new CheckpointStore(folder);
    saveChanged(store, UnaryOperator.identity(), (section, bytes) -> {});
    List<String> names = new ArrayList<>(train.classNames());
    Collections.swap(names, 2, 5);
    assertRefused(
        store,
        new DataSplits(
            Datasets.withClasses(train, names), Datasets.withClasses(test, names), "swapped"),
        "class 2 was '%s', here it is '%s'".formatted(names.get(5), names.get(2)));
    try (Dataset others = ShapesDataset.train(2, 48);
        Dataset fewer = ShapesDataset.train(1, 47);
        Dataset otherTests = ShapesDataset.test(2, 20)) {
      String different = "pictures are others (their names, files' sizes or pixels)";
      assertRefused(store, new DataSplits(others, test, "others"), "the training " + different);
      assertRefused(
          store,
          new DataSplits(fewer, test, "fewer"),
          "it had 48 training pictures, here there are 47");
      assertRefused(store, new DataSplits(train, otherTests, "tests"), "the test " + different);
      assertRefused(
          store,
          new DataSplits(otherLabels(train), test, "labels"),
          "the labels of the training pictures are others");
    }
    assertRefused(
        store,
        new DataSplits(named(train), test, "renamed"),
        "the training pictures are others (their names, files' sizes or pixels)");
    try (Trainer trainer = open(data, options())) {
      resume(trainer, store);
      assertThat(trainer.done()).isEqualTo(2);
    }
  }

  @Test
  void anOlderCheckpointThatSaysNothingOfItsDataStillOpens() {
    CheckpointStore store = new CheckpointStore(folder);
    saveChanged(
        store,
        words -> {
          words.keySet().removeIf(name -> name.startsWith(DataFingerprint.PREFIX));
          return words;
        },
        (section, bytes) -> {});
    byte[][] expected = uninterrupted();
    try (Trainer trainer = open(data, options())) {
      resume(trainer, store);
      trainer.run(SILENT);
      assertThat(bytes(trainer)[2]).hasSameSizeAs(expected[2]);
      assertThat(trainer.done()).isEqualTo(6);
    }
  }
}
