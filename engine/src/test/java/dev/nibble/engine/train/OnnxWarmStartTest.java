package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.onnx.BatchNorms;
import dev.nibble.engine.exchange.onnx.OnnxExport;
import dev.nibble.engine.exchange.onnx.OnnxImport;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.model.WarmStart;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Window;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A network that comes as an ONNX file is trained, saved, opened and trained on. */
class OnnxWarmStartTest {
  private static final FeatureMap PICTURES = new FeatureMap(12, 12, 3);
  private static final float[] MEAN = {0.4f, 0.5f, 0.6f};
  private static final float[] STD = {0.2f, 0.3f, 0.4f};

  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    assertThat(account.used()).isZero();
    account.close();
  }

  /** No family's: a grouped convolution, a sum, a head that is a convolution before the pooling. */
  private static Network network(int classes) {
    NetworkBuilder b = Network.builder("ours", PICTURES);
    Node x = b.relu(b.batchNorm("bn1", b.convolution("conv1", b.input(), 8, 3, 2)));
    Node y = b.convolution("block.conv", x, 8, Window.square(3, 1), 2, true);
    y = b.relu(b.add(b.batchNorm("block.bn", y), x));
    Node maps = b.convolution("classifier", y, classes, Window.square(1, 1), 1, true);
    return b.build(b.globalAveragePool(maps));
  }

  private static DataSplits data(String... classes) {
    SplittableRandom random = new SplittableRandom(5);
    try (InMemoryDataset.Builder pictures = InMemoryDataset.builder(PICTURES, List.of(classes));
        InMemoryDataset.Builder test = InMemoryDataset.builder(PICTURES, List.of(classes))) {
      for (int i = 0; i < 12; i++) {
        byte[] picture = new byte[PICTURES.values()];
        random.nextBytes(picture);
        (i < 8 ? pictures : test).add(picture, i % classes.length);
      }
      return new DataSplits(pictures.build(), test.build(), "noise");
    }
  }

  private Trainer open(Network network, DataSplits data, TrainingOptionsBuilder options) {
    return Trainer.open(
        network, data, options.batch(4).steps(2).threads(1).build(), TestKernels.chosen(), account);
  }

  private Path trained(BatchNorms norms) {
    Path weights = folder.resolve("first.safetensors");
    try (DataSplits data = data("cat", "dog", "fox");
        Trainer trainer =
            open(network(3), data, TrainingOptions.builder().normalization(MEAN, STD))) {
      trainer.run(new TrainingListener() {});
      trainer.saveModel(weights);
    }
    Path onnx = folder.resolve("teams.onnx");
    OnnxExport.write(onnx, weights, norms);
    return onnx;
  }

  private static Network imported(Path file) {
    try (OnnxImport model = OnnxImport.open(file)) {
      return model.network();
    }
  }

  @Test
  void otherClassesReplaceTheHead() {
    Path onnx = trained(BatchNorms.KEPT);
    Network network = imported(onnx).withClasses(2);
    assertThat(network.name()).isEqualTo("teams");
    Path saved = folder.resolve("model.safetensors");
    try (DataSplits data = data("yes", "no");
        Trainer trainer = open(network, data, TrainingOptions.builder())) {
      float[] before = values(trainer, "classifier.weight");
      WarmStart start = trainer.warmStart(onnx);
      assertThat(start.replaced()).containsExactly("classifier.weight", "classifier.bias");
      assertThat(values(trainer, "classifier.weight")).isEqualTo(before);
      assertThat(values(trainer, "block.bn.running_var"))
          .isEqualTo(stored(folder.resolve("first.safetensors"), "block.bn.running_var"));
      assertThat(Objects.requireNonNull(start.source()).classes())
          .containsExactly("cat", "dog", "fox");
      assertThat(trainer.info().mean()).isEqualTo(MEAN);
      assertThat(start.notes())
          .containsExactly(
              onnx + " knows other classes: the head (classifier) starts anew, the rest is kept.");
      trainer.run(new TrainingListener() {});
      trainer.saveModel(saved);
    }
    ModelInfo info = ModelFile.info(saved);
    assertThat(info.network().layers()).isEqualTo(network.layers());
    try (Predictor predictor =
        Predictor.open(saved, PredictorOptions.defaults(), TestKernels.chosen(), account)) {
      assertThat(predictor.classes()).isEqualTo(2);
    }
    // And it is a start of its own.
    try (DataSplits data = data("yes", "no");
        Trainer trainer = open(info.network(), data, TrainingOptions.builder())) {
      assertThat(trainer.warmStart(saved).headReplaced()).isFalse();
    }
  }

  @Test
  void aFoldedExportTrainsWithoutBatchNorm() {
    Path onnx = trained(BatchNorms.FOLDED);
    Network network = imported(onnx);
    assertThat(network.hasParameter("bn1.weight")).isFalse();
    try (OnnxImport model = OnnxImport.open(onnx)) {
      assertThat(model.notes())
          .anyMatch(note -> note.startsWith("Batch norm is folded into the convolutions"));
    }
    try (DataSplits data = data("cat", "dog", "fox");
        Trainer trainer = open(network, data, TrainingOptions.builder())) {
      WarmStart start = trainer.warmStart(onnx);
      assertThat(start.headReplaced()).isFalse();
      assertThat(start.kept()).hasSameSizeAs(network.parameters());
      assertThat(trainer.run(new TrainingListener() {}).steps()).isEqualTo(2);
    }
    // Where batch norm is needed, it is said what is wrong with the file.
    try (DataSplits data = data("cat", "dog", "fox");
        Trainer trainer = open(network(3), data, TrainingOptions.builder())) {
      float[] before = values(trainer, "conv1.weight");
      assertThatThrownBy(() -> trainer.warmStart(onnx))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining("teams.onnx holds a tensor 'conv1.bias'");
      assertThat(values(trainer, "conv1.weight")).isEqualTo(before);
    }
  }

  @Test
  void itsWeightsGoIntoANetworkOfTheSameNames() {
    Path onnx = trained(BatchNorms.KEPT);
    try (DataSplits data = data("cat", "dog", "fox");
        Trainer trainer =
            open(network(3), data, TrainingOptions.builder().normalization(STD, STD))) {
      assertThat(trainer.warmStart(onnx).headReplaced()).isFalse();
      for (Parameter parameter : trainer.session().network().parameters()) {
        assertThat(values(trainer, parameter.name()))
            .as(parameter.name())
            .isEqualTo(stored(folder.resolve("first.safetensors"), parameter.name()));
      }
      // What the options name is not changed.
      assertThat(trainer.info().mean()).isEqualTo(STD);
    }
  }

  private static float[] values(Trainer trainer, String name) {
    Parameter parameter = trainer.session().network().parameter(name);
    float[] values =
        trainer.session().values(parameter).asSlice(0, 4L * parameter.size()).toArray(JAVA_FLOAT);
    return parameter.inFileOrder(values);
  }

  private static float[] stored(Path file, String name) {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      return tensors.readFloats(name);
    }
  }
}
