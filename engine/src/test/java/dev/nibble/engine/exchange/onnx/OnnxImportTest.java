package dev.nibble.engine.exchange.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exec.HeapMeter;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.protobuf.MessageWriter;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is imported predicts as where it comes from. */
class OnnxImportTest {
  private static final Path ZOO =
      Path.of(System.getProperty("nibble.shared", "../../shared"), "zoo");

  @TempDir private Path folder;

  private static Function<Parameter, MemorySegment> memory(Network network, Arena arena) {
    Map<String, MemorySegment> all = new HashMap<>();
    for (Parameter parameter : network.parameters()) {
      MemorySegment values = arena.allocate(4L * parameter.size(), 64);
      all.put(parameter.name(), values.fill((byte) -1));
    }
    return parameter -> Objects.requireNonNull(all.get(parameter.name()));
  }

  private static float[] logits(
      Network network, Function<Parameter, MemorySegment> values, float[] pictures, int count) {
    float[] logits = new float[count * network.classes()];
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Predictor predictor =
            Predictor.of(
                network,
                values,
                PredictorOptions.defaults().withThreads(1),
                TestKernels.chosen(),
                account)) {
      predictor.predict(pictures, count, logits);
    }
    return logits;
  }

  private static void requireZoo() {
    if (!Files.isDirectory(ZOO)) {
      assertThat(System.getenv("CI"))
          .as("in CI the networks must lie in %s", ZOO.toAbsolutePath())
          .isNotEqualTo("true");
      abort("no networks in " + ZOO.toAbsolutePath() + "; set -Dnibble.shared=FOLDER");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet-basic", "resnet-bottleneck"})
  void logitsAreThoseThatWereRecorded(String name) {
    requireZoo();
    try (OnnxImport model = OnnxImport.open(ZOO.resolve(name + ".onnx"));
        SafetensorsFile recorded = SafetensorsFile.open(ZOO.resolve(name + ".safetensors"));
        Arena arena = Arena.ofConfined()) {
      Network network = model.network();
      Function<Parameter, MemorySegment> values = memory(network, arena);
      model.load(values);
      assertThat(network.parameters().stream().map(Parameter::name))
          .containsExactlyInAnyOrderElementsOf(
              recorded.names().stream()
                  .filter(n -> n.startsWith("final.") && !n.endsWith("num_batches_tracked"))
                  .map(n -> n.substring("final.".length()))
                  .toList());
      byte[] bytes = recorded.read("pictures", arena).data().toArray(JAVA_BYTE);
      float[] pictures = new float[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        pictures[i] = ((bytes[i] & 0xFF) / 255f - 0.5f) / 0.25f;
      }
      float[] expected = recorded.readFloats("eval_logits");
      int count = (int) recorded.shape("pictures")[0];
      float[] found = logits(network, values, pictures, count);
      double largest = 0;
      for (float logit : expected) {
        largest = Math.max(largest, Math.abs(logit));
      }
      for (int i = 0; i < found.length; i++) {
        assertThat(Math.abs(found[i] - expected[i]))
            .as("logit %d", i)
            .isLessThan((float) (1e-4 * largest));
      }
    }
  }

  /** Every network of the zoo has shapes throughout, whether it can be trained yet or not. */
  @Test
  void everyNetworkOfTheZooIsRead() throws IOException {
    requireZoo();
    try (Stream<Path> files = Files.list(ZOO)) {
      List<Path> models = files.filter(f -> f.toString().endsWith(".onnx")).toList();
      assertThat(models).hasSizeGreaterThanOrEqualTo(11);
      for (Path file : models) {
        try (OnnxImport model = OnnxImport.open(file)) {
          assertThat(model.layers()).as("%s", file).noneMatch(l -> l.shape().equals("?"));
          assertThat(model.layers().getLast().shape()).isIn("[N,4]", "[N,4,1,1]");
          assertThat(model.unsupported()).noneMatch(why -> why.contains("not supported"));
          assertThat(model.multiplyAdds()).isPositive();
        }
      }
    }
  }

  @SuppressWarnings("exports") // test code: nobody else reads this module's tests
  static Stream<Named<Network>> networks() {
    return OnnxExportTest.networks();
  }

  private static ModelInfo info(Network network) {
    float[] ones = new float[network.input().channels()];
    Arrays.fill(ones, 1);
    List<String> classes = Collections.nCopies(network.classes(), "a");
    return new ModelInfo(network.name(), network.input(), classes, ones, ones, false);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void whatIsExportedComesBack(Network network) {
    Path file = folder.resolve("model.onnx");
    try (TestSession test = new TestSession(network, PlanOptions.inference(2), 1, 3);
        Arena arena = Arena.ofConfined()) {
      OnnxExport.write(file, network, test.session()::values, info(network), BatchNorms.KEPT);
      try (OnnxImport model = OnnxImport.open(file)) {
        Network back = model.network();
        Function<Parameter, MemorySegment> values = memory(back, arena);
        model.load(values);
        for (Parameter parameter : back.parameters()) {
          MemorySegment was = test.session().values(network.parameter(parameter.name()));
          assertThat(values.apply(parameter).mismatch(was.asSlice(0, 4L * parameter.size())))
              .as(parameter.name())
              .isEqualTo(-1);
        }
        assertThat(back.input()).isEqualTo(network.input());
        assertThat(norms(back)).isEqualTo(norms(network));
        float[] expected = logits(network, test.session()::values, test.pictures(), 2);
        float[] found = logits(back, values, test.pictures(), 2);
        for (int i = 0; i < found.length; i++) {
          assertThat(Math.abs(found[i] - expected[i])).isLessThan(1e-5f);
        }
      }
    }
  }

  private static List<List<Float>> norms(Network network) {
    List<List<Float>> norms = new ArrayList<>();
    for (Layer layer : network.layers()) {
      if (layer instanceof Layer.BatchNorm b) {
        norms.add(List.of(b.epsilon(), b.momentum()));
      }
    }
    return norms;
  }

  /** A dense layer whose weights, two and three of them, are given by the tensor. */
  private float[] dense(MessageWriter tensor, boolean isTransposed) throws IOException {
    TestModel test =
        TestModel.withInput(17, -1, 3, 4, 4)
            .output("y")
            .tensor(tensor)
            .node("GlobalAveragePool", "x", "p")
            .node("Flatten", "p", "f");
    if (isTransposed) {
      test.node("MatMul", "f,fc.weight", "y");
    } else {
      test.node("Gemm", "f,fc.weight", "y", "transB", 1L);
    }
    Path file = test.write(folder.resolve("model.onnx"));
    try (OnnxImport model = OnnxImport.open(file);
        Arena arena = Arena.ofConfined()) {
      Network network = model.network();
      assertThat(network.parameters().stream().map(Parameter::name)).containsExactly("fc.weight");
      Function<Parameter, MemorySegment> values = memory(network, arena);
      model.load(values);
      Parameter weight = network.parameter("fc.weight");
      return weight.inFileOrder(values.apply(weight).toArray(JAVA_FLOAT));
    }
  }

  private static MessageWriter tensor(int type) {
    return TestModel.described("fc.weight", type, 2, 3);
  }

  private static byte[] shorts(int... values) {
    ByteBuffer data = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      data.putShort((short) value);
    }
    return data.array();
  }

  @Test
  void weightsOfEveryKindAreRead() throws IOException {
    float[] expected = {1, -2, 0.5f, 4, -0.25f, 3};
    int[] halves = new int[6];
    int[] upper = new int[6];
    long[] halfLongs = new long[6];
    double[] doubles = new double[6];
    for (int i = 0; i < 6; i++) {
      halves[i] = Float.floatToFloat16(expected[i]);
      upper[i] = Float.floatToRawIntBits(expected[i]) >>> 16;
      halfLongs[i] = halves[i] & 0xFFFF;
      doubles[i] = expected[i];
    }
    ByteBuffer wide = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
    wide.asDoubleBuffer().put(doubles);
    byte[] raw = TestModel.little(expected);
    MessageWriter oneByOne = tensor(TestModel.FLOAT);
    for (float value : expected) {
      oneByOne.floating(4, value);
    }
    List<MessageWriter> tensors =
        List.of(
            tensor(TestModel.FLOAT).bytes(9, raw),
            tensor(TestModel.FLOAT).bytes(4, raw),
            oneByOne,
            tensor(10).bytes(9, shorts(halves)),
            tensor(10).integers(5, halfLongs),
            tensor(16).bytes(9, shorts(upper)),
            tensor(11).bytes(9, wide.array()),
            tensor(11).floating(10, doubles, 6));
    for (MessageWriter tensor : tensors) {
      assertThat(dense(tensor, false)).containsExactly(expected);
    }
    Files.write(folder.resolve("weights.bin"), raw);
    MessageWriter external =
        tensor(TestModel.FLOAT)
            .message(13, new MessageWriter().text(1, "location").text(2, "weights.bin"))
            .integer(14, 1);
    assertThat(dense(external, false)).containsExactly(expected);
    MessageWriter turned =
        TestModel.described("fc.weight", TestModel.FLOAT, 3, 2)
            .bytes(9, TestModel.little(1, 4, -2, -0.25f, 0.5f, 3));
    assertThat(dense(turned, true)).containsExactly(expected);
  }

  @Test
  void tooFewValuesAreTold() {
    MessageWriter few = tensor(TestModel.FLOAT).bytes(4, TestModel.little(1, 2, 3));
    assertThatThrownBy(() -> dense(few, false))
        .isInstanceOf(ExchangeException.class)
        .hasMessageContaining("has fewer values than its shape says");
  }

  /** 38 MB of weights: the heap sees pieces of them only. */
  @Test
  void weightsAreNotHeldOnTheHeap() throws ReflectiveOperationException {
    TestModel test = TestModel.withInput(17, -1, 512, 4, 4).output("y");
    byte[] data = new byte[4 * 512 * 512 * 9];
    String before = "x";
    for (int i = 0; i < 4; i++) {
      String name = "c" + i + ".weight";
      test.tensor(TestModel.described(name, TestModel.FLOAT, 512, 512, 3, 3).bytes(9, data));
      long[] pads = {1, 1, 1, 1};
      test.node("Conv", before + "," + name, "c" + i, "pads", pads);
      before = "c" + i;
    }
    test.node("GlobalAveragePool", before, "y");
    Path file = test.write(folder.resolve("large.onnx"));
    HeapMeter meter = new HeapMeter();
    try (Arena arena = Arena.ofConfined()) {
      long start = meter.allocatedBytes();
      try (OnnxImport model = OnnxImport.open(file)) {
        model.load(memory(model.network(), arena));
      }
      assertThat(meter.allocatedBytes() - start).isLessThan(4 << 20);
    }
  }

  @Test
  void whatTheModelSaysIsKept() {
    TestModel test = TestModel.withInput(17, -1, 3, 4, 4).output("y");
    test.node("GlobalAveragePool", "x", "p").node("Flatten", "p", "f").node("Softmax", "f", "y");
    try (OnnxImport model = OnnxImport.open(test.write(folder.resolve("model.onnx")))) {
      assertThat(model.notes())
          .containsExactly("Softmax 'Softmax of y' at the end is left out: the loss takes logits.");
      assertThat(model.opset()).isEqualTo(17);
      assertThat(model.name()).isEqualTo("test");
      assertThat(model.network().classes()).isEqualTo(3);
    }
  }
}
