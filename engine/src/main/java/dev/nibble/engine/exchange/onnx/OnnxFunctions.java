package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.protobuf.MessageWriter;
import dev.nibble.kernels.Nonlinearity;
import java.util.function.Consumer;

/** Functions of one value as nodes of a graph; those that the opset lacks as several. */
final class OnnxFunctions {
  private final Consumer<OnnxNode> nodes;
  private final Consumer<MessageWriter> constants;

  /** Writes nodes and constants to a graph. */
  OnnxFunctions(Consumer<OnnxNode> nodes, Consumer<MessageWriter> constants) {
    this.nodes = nodes;
    this.constants = constants;
  }

  /**
   * Writes a function.
   *
   * @param x name of what it reads
   * @param y name of what it gives; what lies between begins with it
   * @param slope name of PReLU's slopes, which fit x; empty for other functions
   */
  void write(Nonlinearity function, String x, String y, String slope) {
    switch (function) {
      case Nonlinearity.Identity i -> node("Identity", y, x);
      case Nonlinearity.Relu r -> node("Relu", y, x);
      case Nonlinearity.Clip c ->
          node("Clip", y, x, bound(y + ".min", c.low()), bound(y + ".max", c.high()));
      case Nonlinearity.LeakyRelu l ->
          nodes.accept(new OnnxNode("LeakyRelu", y, x).with("alpha", l.factor()));
      case Nonlinearity.Prelu p -> node("PRelu", y, x, slope);
      case Nonlinearity.Elu e -> nodes.accept(new OnnxNode("Elu", y, x).with("alpha", e.alpha()));
      case Nonlinearity.HardSigmoid h -> hardSigmoid(h, x, y);
      case Nonlinearity.HardSwish h -> {
        hardSigmoid(new Nonlinearity.HardSigmoid(1f / 6, 0.5f), x, y + ".gate");
        node("Mul", y, x, y + ".gate");
      }
      case Nonlinearity.Sigmoid s -> node("Sigmoid", y, x);
      case Nonlinearity.Silu s -> {
        node("Sigmoid", y + ".gate", x);
        node("Mul", y, x, y + ".gate");
      }
      case Nonlinearity.Tanh t -> node("Tanh", y, x);
      case Nonlinearity.Mish m -> {
        node("Softplus", y + ".soft", x);
        node("Tanh", y + ".gate", y + ".soft");
        node("Mul", y, x, y + ".gate");
      }
      case Nonlinearity.Gelu g -> gelu(g, x, y);
    }
  }

  private void hardSigmoid(Nonlinearity.HardSigmoid h, String x, String y) {
    nodes.accept(new OnnxNode("HardSigmoid", y, x).with("alpha", h.alpha()).with("beta", h.beta()));
  }

  /** (x / 2) (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)). */
  private void gelu(Nonlinearity.Gelu function, String x, String y) {
    if (function.approximate()) {
      node("Mul", y + ".square", x, x);
      node("Mul", y + ".scaled", y + ".square", number(y + ".cube", 0.044715f));
      node("Add", y + ".bent", y + ".scaled", number(y + ".bend", 1));
      node("Mul", y + ".product", y + ".bent", x);
      node(
          "Mul", y + ".inner", y + ".product", number(y + ".root", (float) Math.sqrt(2 / Math.PI)));
      node("Tanh", y + ".odd", y + ".inner");
    } else {
      node("Div", y + ".inner", x, number(y + ".root", (float) Math.sqrt(2)));
      node("Erf", y + ".odd", y + ".inner");
    }
    node("Add", y + ".even", y + ".odd", number(y + ".one", 1));
    node("Mul", y + ".whole", x, y + ".even");
    node("Mul", y, y + ".whole", number(y + ".half", 0.5f));
  }

  /** A bound's name; empty, which is none, if it is infinite. */
  private String bound(String name, float bound) {
    return Float.isInfinite(bound) ? "" : number(name, bound);
  }

  private String number(String name, float value) {
    constants.accept(OnnxTensor.number(name, value));
    return name;
  }

  private void node(String operator, String output, String... inputs) {
    nodes.accept(new OnnxNode(operator, output, inputs));
  }
}
