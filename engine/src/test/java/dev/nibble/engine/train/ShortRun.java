package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.checkpoint.CheckpointMeta;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.checkpoint.Section;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A small network, pictures and places to save to: what runs of a few steps need. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class ShortRun {
  static final FeatureMap PICTURES = new FeatureMap(32, 32, 3);
  static final TrainingListener SILENT = new TrainingListener() {};

  final Dataset train = ShapesDataset.train(1, 48);
  final Dataset test = ShapesDataset.test(1, 20);
  final DataSplits data = new DataSplits(train, test, "shapes");
  final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  @TempDir Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    assertThat(account.used()).isZero();
    account.close();
  }

  static Network small() {
    NetworkBuilder b = Network.builder("small", PICTURES);
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 4);
    x = b.globalAveragePool(b.relu(b.batchNorm("one.bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  static TrainingOptionsBuilder options() {
    return TrainingOptions.builder()
        .batch(16)
        .steps(6)
        .schedule(Schedule.COSINE, 0.05f)
        .seed(3)
        .threads(2);
  }

  Trainer open(DataSplits splits, TrainingOptionsBuilder options) {
    return Trainer.open(small(), splits, options.build(), TestKernels.chosen(), account);
  }

  static byte[][] bytes(Trainer trainer) {
    return new byte[][] {
      trainer.session().weights().toArray(JAVA_BYTE),
      TestSession.optimizerState(trainer.session()),
      trainer.session().runningStatistics().toArray(JAVA_BYTE)
    };
  }

  static TrainingListener onStep(LongConsumer action) {
    return new TrainingListener() {
      @Override
      public void onStep(Step step) {
        action.accept(step.step());
      }
    };
  }

  static void set(Trainer trainer, String parameter, float value) {
    MemorySegment values = trainer.session().values(small().parameter(parameter));
    values.set(JAVA_FLOAT, 4, value);
  }

  static void resume(Trainer trainer, CheckpointStore store) {
    try (LoadedCheckpoint checkpoint = store.loadLatest(w -> {}).orElseThrow()) {
      trainer.resume(checkpoint);
    }
  }

  byte[][] uninterrupted() {
    try (Trainer trainer = open(data, options())) {
      trainer.run(SILENT);
      return bytes(trainer);
    }
  }

  interface Change {
    void apply(String section, byte[] bytes);
  }

  /** Saves a checkpoint of step 2 with other words, or other bytes, than a run's. */
  void saveChanged(CheckpointStore store, UnaryOperator<Map<String, String>> words, Change change) {
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

  static Dataset named(Dataset source) {
    return (Dataset)
        Proxy.newProxyInstance(
            Dataset.class.getClassLoader(),
            new Class<?>[] {Dataset.class},
            (proxy, method, arguments) ->
                method.getName().equals("identity")
                    ? "picture " + arguments[0]
                    : method.invoke(source, arguments));
  }
}
