package dev.nibble.engine.exchange.onnx;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Named;

/** Models with norms, and with what stands between two Transposes, as exporters write them. */
final class NormModels {
  private static final int CHANNELS = 6;
  private static final long[] TO_LAST = {0, 2, 3, 1};
  private static final long[] TO_FIRST = {0, 3, 1, 2};

  private final List<Named<TestModel>> all = new ArrayList<>();

  private NormModels() {}

  private static TestModel model(int opset) {
    return OnnxOperatorsTest.model(opset);
  }

  private void add(String name, TestModel test) {
    all.add(Named.of(name, OnnxOperatorsTest.pooled(test.node("Sigmoid", "d", "e"), "e")));
  }

  /** All of them: the result is d, N,C,H,W. */
  static List<Named<TestModel>> all() {
    NormModels models = new NormModels();
    models.layerNorms();
    models.groupNorms();
    models.betweenTransposes();
    models.responseNorms();
    return models.all;
  }

  /** As ConvNeXt V2 has it, on N,C,H,W and on N,H,W,C; x itself is added. */
  private void responseNorms() {
    add("global response norm", responseNorm(model(13), "c", "d", 1, 2, 3));
    add(
        "global response norm of N,H,W,C",
        first(responseNorm(last(model(13)), "t", "n", 3, 1, 2), "n"));
    add(
        "global response norm without scale and shift",
        model(18)
            .number("eps", 0.01f)
            .shape("px", -1, -2)
            .shape("k", 1)
            .node("ReduceL2", "c,px", "l")
            .node("ReduceMean", "l,k", "m")
            .node("Add", "eps,m", "q")
            .node("Div", "l,q", "f")
            .node("Mul", "f,c", "d"));
  }

  private static TestModel responseNorm(
      TestModel test, String x, String y, int axis, long... pixels) {
    long[] dims = {1, 1, 1, 1};
    dims[axis] = CHANNELS;
    return test.number("eps", 0.01f)
        .number("one", 1)
        .weight("s", dims)
        .weight("b", dims)
        .node("ReduceL2", x, "l", "axes", pixels)
        .node("ReduceMean", "l", "m", "axes", new long[] {axis})
        .node("Add", "m,eps", "q")
        .node("Div", "l,q", "f")
        .node("Mul", x + ",f", "h")
        .node("Mul", "s,h", "g")
        .node("Mul", "g,one", "o")
        .node("Add", "b,o", "r")
        .node("Add", x + ",r", y);
  }

  private static TestModel last(TestModel test) {
    return test.node("Transpose", "c", "t", "perm", TO_LAST);
  }

  private static TestModel first(TestModel test, String from) {
    return test.node("Transpose", from, "d", "perm", TO_FIRST);
  }

  private void layerNorms() {
    add(
        "layer norm over the last axis",
        first(
            last(model(17))
                .weight("s", CHANNELS)
                .weight("b", CHANNELS)
                .node("LayerNormalization", "t,s,b", "n", "axis", -1L, "epsilon", 0.01f),
            "n"));
    add(
        "layer norm without shift",
        first(last(model(17)).weight("s", CHANNELS).node("LayerNormalization", "t,s", "n"), "n"));
    add("layer norm, spelled out", first(spelled(last(model(13)), "t", 3, CHANNELS), "n"));
    add(
        "layer norm over channels, spelled out",
        spelled(model(13), "c", 1, CHANNELS, 1, 1).node("Identity", "n", "d"));
    add(
        "layer norm by the inverse of a root",
        model(18)
            .shape("a", 1)
            .number("eps", 0.01f)
            .number("half", 0.5f)
            .node("ReduceMean", "c,a", "m")
            .node("Sub", "c,m", "z")
            .node("Mul", "z,z", "q")
            .node("ReduceMean", "q,a", "vv")
            .node("Add", "vv,eps", "w2")
            .node("Pow", "w2,half", "r")
            .node("Reciprocal", "r", "i")
            .node("Mul", "i,z", "d"));
    add(
        "layer norm of vectors",
        model(17)
            .weight("s", CHANNELS)
            .weight("b", CHANNELS)
            .shape("a", 2, 3)
            .node("GlobalMaxPool", "c", "gp")
            .node("Flatten", "gp", "f")
            .node("LayerNormalization", "f,s,b", "n", "epsilon", 0.01f)
            .node("Unsqueeze", "n,a", "u")
            .node("Mul", "c,u", "d"));
  }

  private static TestModel spelled(TestModel test, String x, long axis, long... dims) {
    return test.number("two", 2)
        .number("eps", 0.01f)
        .weight("s", dims)
        .weight("b", dims)
        .node("ReduceMean", x, "m", "axes", new long[] {axis})
        .node("Sub", x + ",m", "z")
        .node("Pow", "z,two", "q")
        .node("ReduceMean", "q", "vv", "axes", new long[] {axis})
        .node("Add", "vv,eps", "w2")
        .node("Sqrt", "w2", "r")
        .node("Div", "z,r", "h")
        .node("Mul", "h,s", "g")
        .node("Add", "g,b", "n");
  }

  private void groupNorms() {
    add(
        "group norm as PyTorch writes it",
        model(13)
            .tensor(TestModel.described("one", 1, 3).bytes(9, TestModel.little(1, 1, 1)))
            .tensor(TestModel.described("zero", 1, 3).bytes(9, TestModel.little(0, 0, 0)))
            .shape("parts", 0, 3, -1)
            .weight("s", CHANNELS, 1, 1)
            .weight("b", CHANNELS, 1, 1)
            .node("Reshape", "c,parts", "r")
            .node("InstanceNormalization", "r,one,zero", "i", "epsilon", 0.01f)
            .node("Shape", "c", "shape")
            .node("Reshape", "i,shape", "n")
            .node("Mul", "n,s", "g")
            .node("Add", "g,b", "d"));
    add(
        "instances of groups with their own scale",
        model(13)
            .shape("parts", 0, 2, -1)
            .weight("s", 2)
            .weight("b", 2)
            .node("Reshape", "c,parts", "r")
            .node("InstanceNormalization", "r,s,b", "i", "epsilon", 0.01f)
            .node("Shape", "c", "shape")
            .node("Reshape", "i,shape", "d"));
    add(
        "group norm with a scale a channel",
        model(21)
            .weight("s", CHANNELS)
            .weight("b", CHANNELS)
            .node("GroupNormalization", "c,s,b", "d", "num_groups", 2L, "epsilon", 0.01f));
    add(
        "instance norm",
        model(11)
            .weight("s", CHANNELS)
            .weight("b", CHANNELS)
            .node("InstanceNormalization", "c,s,b", "d"));
  }

  private void betweenTransposes() {
    add(
        "linear layers, a function and a scale on N,H,W,C",
        first(
            last(model(13))
                .weight("up", CHANNELS, 9)
                .weight("upb", 9)
                .weight("down", 9, CHANNELS)
                .weight("scale", CHANNELS)
                .node("MatMul", "t,up", "k")
                .node("Add", "upb,k", "l")
                .node("Relu", "l", "m")
                .node("MatMul", "m,down", "n")
                .node("Mul", "n,scale", "o"),
            "o"));
    add(
        "a factor a channel on N,H,W,C",
        first(
            last(model(17))
                .node("ReduceMean", "t", "m", "axes", new long[] {1, 2})
                .node("Sigmoid", "m", "g")
                .node("Mul", "t,g", "n"),
            "n"));
  }
}
