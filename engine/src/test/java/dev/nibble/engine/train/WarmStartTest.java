package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.model.WarmStart;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Retraining that begins with a trained model, with the same classes and with others. */
class WarmStartTest {
  private static final FeatureMap PICTURES = new FeatureMap(32, 32, 3);

  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  private final DataSplits data = shapes(List.of());
  @TempDir private Path folder;
  private Path model = Path.of("");

  /** Shapes, seen with further classes of which there is no picture yet. */
  private static DataSplits shapes(List<String> further) {
    return new DataSplits(
        new Renamed(ShapesDataset.train(1, 40), further),
        new Renamed(ShapesDataset.test(1, 20), further),
        "shapes");
  }

  /** A data set seen with more classes. */
  private record Renamed(Dataset of, List<String> further) implements Dataset {
    @Override
    public int size() {
      return of.size();
    }

    @Override
    public int height() {
      return of.height();
    }

    @Override
    public int width() {
      return of.width();
    }

    @Override
    public int channels() {
      return of.channels();
    }

    @Override
    public List<String> classNames() {
      List<String> names = new ArrayList<>(of.classNames());
      names.addAll(further);
      return names;
    }

    @Override
    public int label(int index) {
      return of.label(index);
    }

    @Override
    public void read(int index, MemorySegment target, long offset) {
      of.read(index, target, offset);
    }

    @Override
    public void close() {
      of.close();
    }
  }

  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder().batch(20).steps(3).seed(3).threads(2);
  }

  private Trainer open(DataSplits splits, TrainingOptions options) {
    Network network = ResNet.of("resnet8", PICTURES, splits.train().classNames().size());
    return Trainer.open(network, splits, options, TestKernels.chosen(), account);
  }

  @BeforeEach
  void trainOne() {
    model = folder.resolve("model.safetensors");
    float[] mean = {0.4f, 0.5f, 0.6f};
    float[] std = {0.2f, 0.3f, 0.4f};
    try (Trainer trainer = open(data, options().normalization(mean, std).build())) {
      trainer.run(new TrainingListener() {});
      trainer.saveModel(model);
    }
  }

  @AfterEach
  void everythingIsGivenBack() {
    data.close();
    assertThat(account.used()).isZero();
    account.close();
  }

  private static Map<String, byte[]> bytes(Session session) {
    Map<String, byte[]> all = new HashMap<>();
    for (Parameter parameter : session.network().parameters()) {
      all.put(parameter.name(), session.values(parameter).toArray(JAVA_BYTE));
    }
    return all;
  }

  @Test
  void theSameClassesTakeEverythingOver() throws Exception {
    try (Trainer trainer = open(data, options().seed(9).build())) {
      WarmStart start = trainer.warmStart(model);
      assertThat(start.headReplaced()).isFalse();
      assertThat(start.kept()).hasSameSizeAs(trainer.session().network().parameters());
      // The weights were trained on pictures of that mean and std, not on this data set's.
      assertThat(trainer.info().mean()).containsExactly(0.4f, 0.5f, 0.6f);
      Path again = folder.resolve("again.safetensors");
      trainer.saveModel(again);
      assertThat(Files.readAllBytes(again)).isEqualTo(Files.readAllBytes(model));
    }
  }

  @Test
  void otherClassesReplaceTheHeadOnly() {
    try (DataSplits more = shapes(List.of("heart"));
        Trainer fresh = open(more, options().build());
        Trainer trained = open(data, options().build());
        Trainer trainer = open(more, options().build())) {
      trained.warmStart(model);
      WarmStart start = trainer.warmStart(model);
      assertThat(start.replaced()).containsExactly("head.fc.weight", "head.fc.bias");
      ModelInfo source = Objects.requireNonNull(start.source());
      assertThat(source.classes()).hasSize(10);
      Map<String, byte[]> initial = bytes(fresh.session());
      Map<String, byte[]> old = bytes(trained.session());
      bytes(trainer.session())
          .forEach(
              (name, values) ->
                  assertThat(values)
                      .as(name)
                      .isEqualTo(start.kept().contains(name) ? old.get(name) : initial.get(name)));
      assertThat(trainer.run(new TrainingListener() {}).steps()).isEqualTo(3);
    }
  }

  @Test
  void aFrozenTrunkLeavesTheKeptWeightsAsTheyWere() {
    try (DataSplits more = shapes(List.of("heart"));
        Trainer trainer =
            open(more, options().freeze(List.of("stem", "stages", "head.bn")).build())) {
      WarmStart start = trainer.warmStart(model);
      Map<String, byte[]> before = bytes(trainer.session());
      trainer.run(new TrainingListener() {});
      bytes(trainer.session())
          .forEach(
              (name, values) -> {
                if (start.kept().contains(name)) {
                  assertThat(values).as(name).isEqualTo(before.get(name));
                } else {
                  assertThat(values).as(name).isNotEqualTo(before.get(name));
                }
              });
    }
  }

  @Test
  void anotherNetworkIsRefusedAndNothingIsChanged() {
    Network other = ResNet.of("resnet14", PICTURES, 10);
    try (Trainer trainer =
        Trainer.open(other, data, options().build(), TestKernels.chosen(), account)) {
      Map<String, byte[]> before = bytes(trainer.session());
      assertThatThrownBy(() -> trainer.warmStart(model))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining("stages.0.blocks.1.units.0.bn.weight");
      bytes(trainer.session())
          .forEach((name, values) -> assertThat(values).isEqualTo(before.get(name)));
    }
  }

  @Test
  void aResumedRunNormalisesAsTheWarmStartDid() throws Exception {
    Path whole = folder.resolve("whole.safetensors");
    Path parts = folder.resolve("parts.safetensors");
    try (Trainer trainer = open(data, options().seed(9).build())) {
      trainer.warmStart(model);
      trainer.run(new TrainingListener() {});
      trainer.saveModel(whole);
    }
    CheckpointStore store = new CheckpointStore(folder.resolve("checkpoints"));
    try (Trainer trainer = open(data, options().seed(9).build())) {
      trainer.warmStart(model);
      trainer.checkpointTo(store);
      trainer.run(
          new TrainingListener() {
            @Override
            public void onStep(Step step) {
              trainer.cancel();
            }
          });
    }
    try (Trainer trainer = open(data, options().seed(9).build());
        LoadedCheckpoint checkpoint = store.loadLatest().orElseThrow()) {
      trainer.resume(checkpoint);
      assertThat(trainer.done()).isEqualTo(1);
      assertThat(trainer.info().mean()).containsExactly(0.4f, 0.5f, 0.6f);
      trainer.run(new TrainingListener() {});
      trainer.saveModel(parts);
    }
    assertThat(Files.readAllBytes(parts)).isEqualTo(Files.readAllBytes(whole));
    float[] other = {0.5f, 0.5f, 0.5f};
    try (Trainer trainer = open(data, options().seed(9).normalization(other, other).build());
        LoadedCheckpoint checkpoint = store.loadLatest().orElseThrow()) {
      assertThatThrownBy(() -> trainer.resume(checkpoint))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("was trained with mean 0.4,0.5,0.6 and std 0.2,0.3,0.4");
    }
  }

  @Test
  void itComesBeforeTheFirstStep() {
    try (Trainer trainer = open(data, options().build())) {
      trainer.run(new TrainingListener() {});
      assertThatThrownBy(() -> trainer.warmStart(model)).isInstanceOf(IllegalStateException.class);
    }
  }
}
