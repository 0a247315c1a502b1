package dev.nibble.engine.exchange.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is exported gives a predictor's logits in ONNX Runtime, whatever the network. */
class OnnxExportTest {
  private static final int COUNT = 3;

  @TempDir private Path folder;

  @SuppressWarnings("exports") // test code: nobody else reads this module's tests
  static Stream<Named<Network>> networks() {
    Stream<Network> more =
        Stream.of(
            ResNet.of("resnet20", new FeatureMap(32, 32, 3), 10),
            ResNet.of("resnet29", new FeatureMap(9, 11, 1), 10),
            everything(),
            pixelsAfterDense(),
            namesThatClash());
    return Stream.concat(
        SampleNetworks.named(), more.map(n -> Named.of("network '" + n.name() + "'", n)));
  }

  /** Every kind of layer, windows at odd edges among them. */
  static Network everything() {
    NetworkBuilder b = Network.builder("everything", new FeatureMap(13, 11, 3));
    Node x = b.relu(b.batchNorm("stem.bn", b.convolution("stem", b.input(), 6, 5, 1)));
    x = b.maxPool(x, 3, 2);
    Node y = b.batchNorm("deep.bn", b.depthwise("deep", b.relu(x), 3, 2));
    y = b.add(b.convolution("point", y, 9, 1, 1), b.shortcut(x, 2, 9));
    y = b.averagePool(b.maxPool(y, 2, 1), 2);
    Node pooled = b.globalAveragePool(b.relu(b.batchNorm("head.bn", y)));
    Node hidden = b.relu(b.batchNorm("hidden.bn", b.dense("hidden", pooled, 9)));
    return b.build(b.dense("fc", b.add(hidden, pooled), 7));
  }

  /** Dense layers' values as pixels again, and sums of both forms. */
  private static Network pixelsAfterDense() {
    NetworkBuilder b = Network.builder("pixels-after-dense", new FeatureMap(4, 4, 2));
    Node pooled = b.globalAveragePool(b.convolution("stem", b.input(), 5, 3, 1));
    Node dense = b.dense("dense", pooled, 5);
    Node x = b.add(pooled, dense);
    x = b.add(b.relu(b.convolution("three", dense, 5, 3, 1)), x);
    x = b.shortcut(b.dense("again", x, 4), 2, 7);
    return b.build(x);
  }

  /** Layers named like the graph's own values, in a network without a name. */
  private static Network namesThatClash() {
    NetworkBuilder b = Network.builder("", new FeatureMap(1, 1, 3));
    Node x = b.dense("logits", b.dense("images", b.input(), 3), 3);
    return b.build(b.dense("images.out", b.relu(x), 2));
  }

  private static ModelInfo info(Network network) {
    int channels = network.input().channels();
    float[] mean = new float[channels];
    float[] std = new float[channels];
    Arrays.fill(mean, 0.25f);
    Arrays.fill(std, 0.5f);
    List<String> classes =
        IntStream.range(0, network.classes()).mapToObj(i -> "class " + i + " é").toList();
    return new ModelInfo(network.name(), network.input(), classes, mean, std, false)
        .withMetadata(Map.of("author", "someone"));
  }

  private static float[] toNchw(float[] nhwc, FeatureMap map, int count) {
    float[] nchw = new float[count * map.values()];
    for (int n = 0; n < count; n++) {
      for (int p = 0; p < map.pixels(); p++) {
        for (int c = 0; c < map.channels(); c++) {
          nchw[(n * map.channels() + c) * map.pixels() + p] =
              nhwc[(n * map.pixels() + p) * map.channels() + c];
        }
      }
    }
    return nchw;
  }

  private static float[] run(OrtSession session, float[] nhwc, Network network, int count)
      throws OrtException {
    FeatureMap map = network.input();
    long[] shape = {count, map.channels(), map.height(), map.width()};
    FloatBuffer pictures = FloatBuffer.wrap(toNchw(nhwc, map, count));
    try (OnnxTensor images =
            OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), pictures, shape);
        OrtSession.Result result = session.run(Map.of("images", images))) {
      float[][] logits = (float[][]) result.get("logits").orElseThrow().getValue();
      assertThat(logits).hasDimensions(count, network.classes());
      float[] all = new float[count * network.classes()];
      for (int n = 0; n < count; n++) {
        System.arraycopy(logits[n], 0, all, n * network.classes(), network.classes());
      }
      return all;
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void onnxRuntimeGivesThePredictorsLogits(Network network) throws OrtException {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        TestSession test = new TestSession(network, PlanOptions.inference(COUNT), 1, 3);
        Predictor predictor =
            Predictor.of(
                network,
                test.session()::values,
                PredictorOptions.defaults().withThreads(1),
                test.session().kernels(),
                account)) {
      float[] expected = new float[COUNT * network.classes()];
      predictor.predict(test.pictures(), COUNT, expected);
      for (BatchNorms norms : BatchNorms.values()) {
        Path file = folder.resolve(norms + ".onnx");
        OnnxExport.write(file, network, test.session()::values, info(network), norms);
        try (OrtSession session = OrtEnvironment.getEnvironment().createSession(file.toString())) {
          for (int count : new int[] {COUNT, 1}) {
            float[] logits = run(session, test.pictures(), network, count);
            for (int i = 0; i < logits.length; i++) {
              assertThat(Math.abs(logits[i] - expected[i]))
                  .as("%s, batch of %d, logit %d: %s", norms, count, i, logits[i])
                  .isLessThan(1e-4f);
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theFileSaysWhatAReaderNeeds(BatchNorms norms) throws OrtException {
    Network network = ResNet.of("resnet8", new FeatureMap(8, 6, 3), 4);
    Path weights = folder.resolve("model.safetensors");
    Path file = folder.resolve("model.onnx");
    try (TestSession test = new TestSession(network, PlanOptions.inference(1), 1, 3)) {
      ModelFile.save(weights, network, test.session()::values, info(network));
    }
    OnnxExport.write(file, weights, norms);
    try (OrtSession session = OrtEnvironment.getEnvironment().createSession(file.toString())) {
      assertShape(session.getInputInfo(), "images", -1, 3, 8, 6);
      assertShape(session.getOutputInfo(), "logits", -1, 4);
      Map<String, String> metadata = session.getMetadata().getCustomMetadata();
      assertThat(metadata)
          .containsAllEntriesOf(ModelFile.describe(info(network)))
          .containsEntry("author", "someone")
          .containsEntry("mean", "[0.25, 0.25, 0.25]")
          .containsEntry("batch_norm", norms == BatchNorms.FOLDED ? "folded" : "kept");
      assertThat(session.getMetadata().getProducerName()).isEqualTo("nibble");
      assertThat(session.getMetadata().getGraphName()).isEqualTo("resnet8");
    }
  }

  private static void assertShape(Map<String, NodeInfo> infos, String name, long... shape) {
    assertThat(infos).containsOnlyKeys(name);
    TensorInfo info = (TensorInfo) Objects.requireNonNull(infos.get(name)).getInfo();
    assertThat(info.getShape()).containsExactly(shape);
    assertThat(info.getDimensionNames()[0]).isEqualTo("N");
  }

  @Test
  void aFileThatCannotBeWrittenLeavesTheOldOne() throws IOException {
    Network network = ResNet.of("resnet8", new FeatureMap(8, 8, 3), 4);
    Path place = folder.resolve("place.onnx");
    Files.createDirectory(place);
    Files.writeString(place.resolve("old"), "old");
    try (TestSession test = new TestSession(network, PlanOptions.inference(1), 1, 3)) {
      assertThatThrownBy(
              () ->
                  OnnxExport.write(
                      place, network, test.session()::values, info(network), BatchNorms.KEPT))
          .isInstanceOf(ExchangeException.class)
          .hasMessageStartingWith("Cannot write ONNX file " + place);
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(place);
    }
    assertThat(place.resolve("old")).hasContent("old");
  }

  @Test
  void theSameModelGivesTheSameBytes() throws IOException {
    Network network = everything();
    try (TestSession test = new TestSession(network, PlanOptions.inference(1), 1, 3)) {
      Path one = folder.resolve("one.onnx");
      Path two = folder.resolve("two.onnx");
      OnnxExport.write(one, network, test.session()::values, info(network), BatchNorms.FOLDED);
      OnnxExport.write(two, network, test.session()::values, info(network), BatchNorms.FOLDED);
      assertThat(Files.mismatch(one, two)).isEqualTo(-1);
    }
  }
}
