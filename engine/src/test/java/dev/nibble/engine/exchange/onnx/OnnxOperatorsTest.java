package dev.nibble.engine.exchange.onnx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What operators are mapped to computes what ONNX Runtime computes, and trains. */
class OnnxOperatorsTest {
  private static final int CHANNELS = 6;
  private static final int HEIGHT = 5;
  private static final int WIDTH = 7;
  private static final int BATCH = 2;

  @TempDir private Path folder;

  /** A convolution to c, and a dense layer of what becomes of it, v, to y. */
  static TestModel model(int opset) {
    return TestModel.withInput(opset, -1, CHANNELS, HEIGHT, WIDTH)
        .output("y")
        .weight("w", CHANNELS, CHANNELS, 1, 1)
        .weight("fc", CHANNELS, 4)
        .node("Conv", "x,w", "c");
  }

  static TestModel pooled(TestModel test, String map) {
    return test.node("GlobalAveragePool", map, "p")
        .node("Flatten", "p", "v")
        .node("MatMul", "v,fc", "y");
  }

  private static void add(List<Named<TestModel>> all, String name, TestModel test) {
    all.add(Named.of(name, test));
  }

  @SuppressWarnings("exports") // test code: nobody else reads this module's tests
  static Stream<Named<TestModel>> models() {
    List<Named<TestModel>> all = new ArrayList<>();
    add(all, "a difference", pooled(model(17).node("Sub", "x,c", "d"), "d"));
    add(all, "from a number", pooled(model(17).number("two", 2).node("Sub", "two,c", "d"), "d"));
    add(all, "turned around", pooled(model(9).node("Neg", "c", "d"), "d"));
    add(all, "a square", pooled(model(17).number("two", 2).node("Pow", "c,two", "d"), "d"));
    add(all, "a product with itself", pooled(model(17).node("Mul", "c,c", "d"), "d"));
    add(all, "divided", pooled(model(13).number("half", 0.5f).node("Div", "c,half", "d"), "d"));
    add(all, "a sum of three", pooled(model(13).node("Sum", "c,x,c", "d"), "d"));
    add(all, "SELU", pooled(model(17).node("Selu", "c", "d"), "d"));
    add(all, "CELU", pooled(model(17).node("Celu", "c", "d"), "d"));
    add(all, "Mish", pooled(model(18).node("Mish", "c", "d"), "d"));
    add(
        all,
        "Mish, spelled out",
        pooled(
            model(13).node("Softplus", "c", "s").node("Tanh", "s", "t").node("Mul", "c,t", "d"),
            "d"));
    add(
        all,
        "a computed constant a channel",
        pooled(
            model(17)
                .weight("k", CHANNELS, 1, 1)
                .number("half", 0.5f)
                .node("Mul", "k,half", "kk")
                .node("Mul", "c,kk", "d"),
            "d"));
    add(
        all,
        "a computed bias",
        pooled(
            model(17)
                .weight("k", CHANNELS)
                .number("half", 0.5f)
                .node("Sub", "k,half", "b")
                .node("Conv", "c,w,b", "d"),
            "d"));
    long[] last = {-1};
    add(
        all,
        "the mean of columns, then of rows",
        model(17)
            .node("ReduceMean", "c", "m", "axes", new long[] {3}, "keepdims", 0L)
            .node("ReduceMean", "m", "v", "axes", new long[] {2}, "keepdims", 0L)
            .node("MatMul", "v,fc", "y"));
    add(
        all,
        "the maximum of rows, then of columns, kept",
        model(13)
            .node("ReduceMax", "c", "m", "axes", new long[] {2})
            .node("ReduceMax", "m", "n", "axes", last)
            .node("Flatten", "n", "v")
            .node("MatMul", "v,fc", "y"));
    add(
        all,
        "the mean of a flattened map",
        model(18)
            .shape("s", 0, CHANNELS, -1)
            .shape("a", -1)
            .node("Reshape", "c,s", "r")
            .node("ReduceMean", "r,a", "m")
            .node("Squeeze", "m,a", "v")
            .node("MatMul", "v,fc", "y"));
    add(
        all,
        "squeezed twice and back",
        model(13)
            .shape("a", -1)
            .shape("b", 2, 3)
            .node("GlobalAveragePool", "c", "p")
            .node("Squeeze", "p,a", "q")
            .node("Squeeze", "q,a", "v")
            .node("Unsqueeze", "v,b", "u")
            .node("Mul", "c,u", "d")
            .node("ReduceMean", "d", "e", "axes", new long[] {-1, -2}, "keepdims", 0L)
            .node("MatMul", "e,fc", "y"));
    all.addAll(NormModels.all());
    all.addAll(WeightModels.all());
    all.addAll(SamplingModels.all());
    return all.stream();
  }

  private static float[] pictures() {
    SplittableRandom random = new SplittableRandom(3);
    float[] pictures = new float[BATCH * CHANNELS * HEIGHT * WIDTH];
    for (int i = 0; i < pictures.length; i++) {
      pictures[i] = (float) random.nextDouble(-1, 1);
    }
    return pictures;
  }

  private static float[] expected(Path file) throws OrtException {
    long[] dims = {BATCH, CHANNELS, HEIGHT, WIDTH};
    try (OrtSession session = OrtEnvironment.getEnvironment().createSession(file.toString());
        OnnxTensor x =
            OnnxTensor.createTensor(
                OrtEnvironment.getEnvironment(), FloatBuffer.wrap(pictures()), dims);
        OrtSession.Result result = session.run(Map.of("x", x))) {
      FloatBuffer values = ((OnnxTensor) result.get("y").orElseThrow()).getFloatBuffer();
      float[] logits = new float[values.remaining()];
      values.get(logits);
      return logits;
    }
  }

  /** Copies the pictures, channels last. */
  private static void load(MemorySegment input) {
    float[] pictures = pictures();
    int pixels = HEIGHT * WIDTH;
    for (int i = 0; i < pictures.length; i++) {
      int picture = i / (CHANNELS * pixels);
      int channel = i / pixels % CHANNELS;
      long place = ((long) picture * pixels + i % pixels) * CHANNELS + channel;
      input.setAtIndex(JAVA_FLOAT, place, pictures[i]);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsAreOnnxRuntimes(TestModel test) throws OrtException {
    Path file = test.write(folder.resolve("model.onnx"));
    float[] expected = expected(file);
    try (OnnxImport model = OnnxImport.open(file);
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
      assertThat(model.unsupported()).isEmpty();
      ExecutionPlan plan =
          ExecutionPlan.of(model.network(), PlanOptions.training(BATCH, StoreFormat.INT8, false));
      try (Session session =
          Session.open(plan, SessionOptions.of(1), TestKernels.chosen(), account)) {
        model.load(session::values);
        load(session.input());
        session.predict(BATCH);
        for (int i = 0; i < expected.length; i++) {
          assertThat(session.logits().getAtIndex(JAVA_FLOAT, i))
              .as("logit %d", i)
              .isCloseTo(expected[i], offset(1e-4f));
        }
        MemorySegment labels = session.slots().getFirst().labels();
        labels.fill((byte) 0);
        double first = Double.NaN;
        for (int step = 0; step < 4; step++) {
          load(session.input());
          assertThat(session.train(labels, BATCH, 0.003f)).isTrue();
          first = step == 0 ? session.lossSum() : first;
        }
        assertThat(session.lossSum()).isLessThan(first);
      }
    }
  }

  /** As PyTorch's exporter spells torchvision's, and timm's, in training form. */
  @Test
  void stochasticDepthIsFound() {
    TestModel less =
        model(17)
            .shape("zero", 0)
            .shape("ones", 1, 1, 1)
            .number("kept", 0.8f)
            .node("Shape", "c", "s")
            .node("Gather", "s,zero", "n", "axis", 0L)
            .node("Concat", "n,ones", "dims", "axis", 0L)
            .node("ConstantOfShape", "dims", "filled")
            .node("RandomUniformLike", "filled", "drawn")
            .node("Less", "drawn,kept", "is")
            .node("Cast", "is", "mask", "to", 1L)
            .node("Div", "mask,kept", "scaled")
            .node("Mul", "c,scaled", "d");
    assertThat(details(pooled(less, "d"))).contains("StochasticDepth rate 0.2 by picture");
    TestModel floor =
        model(17)
            .number("kept", 0.75f)
            .node("RandomUniformLike", "c", "drawn")
            .node("Add", "drawn,kept", "sum")
            .node("Floor", "sum", "mask")
            .node("Div", "c,kept", "grown")
            .node("Mul", "grown,mask", "d");
    assertThat(details(pooled(floor, "d"))).contains("Dropout rate 0.25");
    TestModel unscaled =
        model(17)
            .number("kept", 0.75f)
            .node("RandomUniformLike", "c", "drawn")
            .node("Less", "drawn,kept", "is")
            .node("Cast", "is", "mask", "to", 1L)
            .node("Mul", "c,mask", "d");
    try (OnnxImport model =
        OnnxImport.open(pooled(unscaled, "d").write(folder.resolve("model.onnx")))) {
      assertThat(model.unsupported())
          .anyMatch(why -> why.contains("draws what is neither dropout nor stochastic depth"));
    }
  }

  private List<String> details(TestModel test) {
    try (OnnxImport model = OnnxImport.open(test.write(folder.resolve("model.onnx")))) {
      assertThat(model.unsupported()).isEmpty();
      assertThat(model.network().classes()).isEqualTo(4);
      return model.layers().stream().map(l -> l.operator() + " " + l.detail()).toList();
    }
  }
}
