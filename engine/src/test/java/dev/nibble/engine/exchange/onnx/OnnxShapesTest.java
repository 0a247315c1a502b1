package dev.nibble.engine.exchange.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Shapes are those that ONNX Runtime computes, for whatever batch. */
class OnnxShapesTest {
  private static final long[] INPUT = {-1, 6, 9, 11};

  @TempDir private Path folder;

  private static TestModel model(int opset) {
    return TestModel.withInput(opset, INPUT).output("y");
  }

  @SuppressWarnings("exports") // test code: nobody else reads this module's tests
  static Stream<Named<TestModel>> models() {
    List<Named<TestModel>> all = new ArrayList<>();
    for (String pad : List.of("SAME_UPPER", "SAME_LOWER", "VALID")) {
      for (long stride = 1; stride <= 3; stride++) {
        long[] strides = {stride, 2};
        all.add(
            Named.of(
                "Conv %s stride %d".formatted(pad, stride),
                model(17)
                    .weight("w", 4, 6, 2, 5)
                    .node("Conv", "x,w", "y", "auto_pad", pad, "strides", strides)));
        all.add(
            Named.of(
                "MaxPool %s stride %d".formatted(pad, stride),
                model(17)
                    .node(
                        "MaxPool",
                        "x",
                        "y",
                        "auto_pad",
                        pad,
                        "kernel_shape",
                        new long[] {3, 4},
                        "strides",
                        strides)));
      }
    }
    all.add(
        Named.of(
            "Conv dilated, groups, uneven pads",
            model(11)
                .weight("w", 4, 3, 3, 2)
                .weight("b", 4)
                .node(
                    "Conv",
                    "x,w,b",
                    "y",
                    "group",
                    2L,
                    "dilations",
                    new long[] {2, 3},
                    "pads",
                    new long[] {1, 0, 2, 3})));
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < 24; i++) {
      long[] kernel = {random.nextLong(1, 5), random.nextLong(1, 5)};
      long[] pads = new long[4];
      for (int p = 0; p < 4; p++) {
        pads[p] = random.nextLong(0, kernel[p % 2]);
      }
      long[] strides = {random.nextLong(1, 5), random.nextLong(1, 5)};
      String operator = i % 2 == 0 ? "MaxPool" : "AveragePool";
      all.add(
          Named.of(
              "%s %s pads %s strides %s ceil %d"
                  .formatted(
                      operator,
                      Arrays.toString(kernel),
                      Arrays.toString(pads),
                      Arrays.toString(strides),
                      i / 2 % 2),
              model(19)
                  .node(
                      operator,
                      "x",
                      "y",
                      "kernel_shape",
                      kernel,
                      "pads",
                      pads,
                      "strides",
                      strides,
                      "ceil_mode",
                      (long) (i / 2 % 2))));
    }
    all.add(Named.of("global pool", model(9).node("GlobalAveragePool", "x", "y")));
    all.add(
        Named.of(
            "mean, axes as attribute",
            model(13).node("ReduceMean", "x", "y", "axes", new long[] {-1, 2}, "keepdims", 0L)));
    all.add(
        Named.of(
            "mean, axes as input",
            model(18).shape("a", 2, 3).node("ReduceMean", "x,a", "y", "keepdims", 1L)));
    all.add(Named.of("flatten", model(13).node("Flatten", "x", "y")));
    all.add(Named.of("flatten -3", model(13).node("Flatten", "x", "y", "axis", -3L)));
    all.add(
        Named.of(
            "reshape with 0 and -1", model(13).shape("s", 0, 3, -1).node("Reshape", "x,s", "y")));
    all.add(
        Named.of(
            "a view's chain",
            model(17)
                .node("Shape", "x", "s")
                .node("Constant", List.of(), List.of("zero"), "value", TestModel.longs("", 0))
                .node("Gather", "s,zero", "n", "axis", 0L)
                .shape("minus", -1)
                .node("Concat", "n,minus", "target", "axis", 0L)
                .node("Reshape", "x,target", "y")));
    all.add(
        Named.of(
            "a channel shuffle's chain",
            model(17)
                .node("Shape", "x", "s")
                .shape("0", 0)
                .shape("1", 1)
                .shape("2", 2)
                .shape("4", 4)
                .shape("minus", -1)
                .node("Slice", "s,0,1", "n")
                .node("Slice", "s,1,2", "c")
                .node("Slice", "s,2,4", "hw")
                .node("Div", "c,2", "half")
                .node("Concat", "n,2,half,hw", "split", "axis", 0L)
                .node("Reshape", "x,split", "a")
                .node("Transpose", "a", "b", "perm", new long[] {0, 2, 1, 3, 4})
                .node("Concat", "n,minus,hw", "back", "axis", 0L)
                .node("Reshape", "b,back", "y")));
    all.add(
        Named.of(
            "squeezed and back",
            model(13)
                .node("GlobalAveragePool", "x", "p")
                .shape("a", 3, -2)
                .node("Squeeze", "p,a", "q")
                .node("Unsqueeze", "q,a", "y")));
    all.add(
        Named.of("padded", model(13).shape("p", 0, 1, 2, 3, 0, 4, 5, 6).node("Pad", "x,p", "y")));
    all.add(
        Named.of(
            "padded, some axes",
            model(18).shape("p", 2, 3, 5, 6).shape("axes", 3, -2).node("Pad", "x,p,,axes", "y")));
    all.add(
        Named.of(
            "padded, opset 9",
            model(9).node("Pad", "x", "y", "pads", new long[] {0, 0, 2, 3, 0, 0, 5, 6})));
    all.add(
        Named.of(
            "channels cut and joined",
            model(13)
                .shape("sizes", 1, 3, 2)
                .node("Split", List.of("x", "sizes"), List.of("a", "b", "c"), "axis", 1L)
                .node("Concat", "c,a,b,x", "y", "axis", -3L)));
    all.add(
        Named.of(
            "an uneven split",
            model(18)
                .weight("w", 7, 6, 1, 1)
                .node("Conv", "x,w", "seven")
                .node(
                    "Split",
                    List.of("seven"),
                    List.of("a", "b", "c", "d"),
                    "axis",
                    -3L,
                    "num_outputs",
                    4L)
                .node("Concat", "d,a", "y", "axis", 1L)));
    all.add(
        Named.of(
            "a slice by attributes",
            model(9)
                .node(
                    "Slice",
                    "x",
                    "y",
                    "starts",
                    new long[] {-5, 0},
                    "ends",
                    new long[] {5, 100},
                    "axes",
                    new long[] {1, 3})));
    all.add(
        Named.of(
            "a gate",
            model(17)
                .node("GlobalAveragePool", "x", "p")
                .node("Sigmoid", "p", "s")
                .node("Mul", "s,x", "y")));
    all.add(
        Named.of(
            "product and sum",
            model(17)
                .node("Flatten", "x", "f")
                .weight("w", 594, 5)
                .weight("b", 5)
                .node("MatMul", "f,w", "m")
                .node("Add", "b,m", "y")));
    return all.stream();
  }

  private static String shape(Path file, int batch) throws OrtException {
    long[] dims = INPUT.clone();
    dims[0] = batch;
    FloatBuffer values = FloatBuffer.allocate(batch * 6 * 9 * 11);
    try (OrtSession session = OrtEnvironment.getEnvironment().createSession(file.toString());
        OnnxTensor x = OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), values, dims);
        OrtSession.Result result = session.run(Map.of("x", x))) {
      long[] shape = ((OnnxTensor) result.get("y").orElseThrow()).getInfo().getShape();
      return Arrays.toString(shape).replace(" ", "");
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void shapesAreOnnxRuntimes(TestModel test) throws OrtException {
    Path file = test.write(folder.resolve("model.onnx"));
    try (OnnxImport model = OnnxImport.open(file)) {
      String shape = model.layers().getLast().shape();
      // A prime batch, so that it is nothing else's extent.
      assertThat(shape(file, 13)).isEqualTo(shape.replace("[N,", "[13,"));
      assertThat(shape).startsWith("[N,");
    }
  }

  @Test
  void onlyPicturesAreLeftOfAShapesChain() {
    Named<TestModel> shuffle =
        models()
            .filter(m -> m.getName().equals("a channel shuffle's chain"))
            .findAny()
            .orElseThrow();
    Path file = shuffle.getPayload().write(folder.resolve("model.onnx"));
    try (OnnxImport model = OnnxImport.open(file)) {
      assertThat(model.layers())
          .extracting(OnnxLayer::operator)
          .containsExactly("Input", "ChannelShuffle");
      assertThat(model.layers().getLast().detail()).isEqualTo("groups 2");
    }
  }

  @Test
  void aFileOfOneBatchIsReadForAny() {
    TestModel test =
        TestModel.withInput(17, 4, 6, 9, 11)
            .output("y")
            .node("GlobalAveragePool", "x", "p")
            .shape("s", 4, 6)
            .node("Reshape", "p,s", "y");
    try (OnnxImport model = OnnxImport.open(test.write(folder.resolve("model.onnx")))) {
      assertThat(model.layers().getLast().shape()).isEqualTo("[N,6]");
    }
  }

  @Test
  void heightAndWidthThatAreFreeAreAskedFor() {
    TestModel test =
        TestModel.withInput(17, -1, 3, -2, -3).output("y").node("GlobalAveragePool", "x", "y");
    Path file = test.write(folder.resolve("model.onnx"));
    assertThat(OnnxRefusalsTest.refusal(file))
        .contains("leaves height and width free: give the size of the pictures");
    try (OnnxImport model = OnnxImport.open(file, 20, 30)) {
      assertThat(model.layers().getFirst().shape()).isEqualTo("[N,3,20,30]");
    }
  }

  private static List<String> operators(TestModel test, Path folder) {
    try (OnnxImport model = OnnxImport.open(test.write(folder.resolve("model.onnx")))) {
      return model.layers().stream().map(OnnxLayer::operator).toList();
    }
  }

  @Test
  void functionsThatExportersSpellOutAreFound() {
    assertThat(operators(model(17).node("Sigmoid", "x", "s").node("Mul", "x,s", "y"), folder))
        .containsExactly("Input", "Silu");
    TestModel hardSwish =
        model(9)
            .number("three", 3)
            .number("six", 6)
            .node("Add", "x,three", "a")
            .node("Clip", "a", "b", "min", 0f, "max", 6f)
            .node("Mul", "x,b", "c")
            .node("Div", "c,six", "y");
    assertThat(operators(hardSwish, folder)).containsExactly("Input", "HardSwish");
    TestModel hardSigmoid =
        model(17).node("HardSigmoid", "x", "h", "alpha", 1 / 6f).node("Mul", "h,x", "y");
    assertThat(operators(hardSigmoid, folder)).containsExactly("Input", "HardSwish");
    TestModel gelu =
        model(17)
            .number("root", (float) Math.sqrt(2))
            .number("one", 1)
            .number("half", 0.5f)
            .node("Div", "x,root", "a")
            .node("Erf", "a", "b")
            .node("Add", "b,one", "c")
            .node("Mul", "x,c", "d")
            .node("Mul", "d,half", "y");
    assertThat(operators(gelu, folder)).containsExactly("Input", "Gelu");
    TestModel halved =
        model(18)
            .number("root", (float) Math.sqrt(2))
            .number("one", 1)
            .number("half", 0.5f)
            .node("Div", "x,root", "a")
            .node("Erf", "a", "b")
            .node("Add", "b,one", "c")
            .node("Mul", "half,c", "d")
            .node("Mul", "x,d", "y");
    assertThat(operators(halved, folder)).containsExactly("Input", "Gelu");
    // Almost, but not quite: another function's argument.
    TestModel other =
        model(17).node("Relu", "x", "r").node("Sigmoid", "r", "s").node("Mul", "x,s", "y");
    assertThat(operators(other, folder)).containsExactly("Input", "Relu", "Sigmoid", "Mul");
  }
}
