package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.Activation;
import dev.nibble.engine.exchange.onnx.graph.Operation.Arithmetic;
import dev.nibble.engine.exchange.onnx.graph.Operation.Function;
import dev.nibble.engine.exchange.onnx.graph.Operation.WithConstant;
import dev.nibble.engine.exchange.onnx.model.Node;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Batch norm, dense layers, functions of one value, sums and products. */
final class PointwiseRules {
  private final Drafts drafts;

  PointwiseRules(Drafts drafts) {
    this.drafts = drafts;
  }

  Value batchNorm(Call call) {
    Shape in = call.shape(0);
    if (!in.isMap() && !in.isFlat()) {
      throw new UnsupportedException("reads %s, but maps N,C,H,W are supported".formatted(in));
    }
    Weight[] weights = new Weight[4];
    for (int i = 0; i < 4; i++) {
      weights[i] = call.weight(i + 1);
      call.require(
          weights[i].dims().length == 1 && weights[i].elements() == in.channels(),
          "has parameters that are not one value a channel");
    }
    Operation operation =
        new Operation.BatchNorm(
            weights[0],
            weights[1],
            weights[2],
            weights[3],
            call.node().real("epsilon", 1e-5f),
            call.node().real("momentum", 0.9f));
    return drafts.add(call.node(), operation, in, call.computed(0).id());
  }

  Value gemm(Call call) {
    Node node = call.node();
    Shape in = flat(call);
    Weight weight = call.weight(1);
    call.require(weight.dims().length == 2, "has weights that are no matrix");
    if (node.real("alpha", 1) != 1 || node.integer("transA", 0) != 0) {
      throw new UnsupportedException("scales its product or reads it transposed");
    }
    Weight bias = call.bias(2);
    if (bias != null && node.real("beta", 1) != 1) {
      throw new UnsupportedException("scales its bias");
    }
    Weight turned = node.integer("transB", 0) == 0 ? weight.transposed(new int[] {1, 0}) : weight;
    return dense(call, in, turned, bias);
  }

  /** Of vectors, or along the last axis of N,H,W,C. */
  Value matMul(Call call) {
    Shape in = call.shape(0);
    if (!in.isFlat() && !in.isMap()) {
      throw new UnsupportedException("reads %s, but vectors N,C are supported".formatted(in));
    }
    Weight weight = call.weight(1);
    if (weight.dims().length != 2) {
      throw new UnsupportedException("multiplies by what is no matrix");
    }
    Weight turned = weight.transposed(new int[] {1, 0});
    if (in.isFlat()) {
      return dense(call, in, turned, null);
    }
    long[] dims = turned.dims();
    call.require(
        dims[1] == in.fixed(3),
        "reads %d values, but its weights are for %d".formatted(in.fixed(3), dims[1]));
    return drafts.add(
        call.node(),
        new Operation.Dense(turned, null),
        in.with(3, Extent.of(dims[0])),
        call.computed(0).id());
  }

  private static Shape flat(Call call) {
    Shape in = call.shape(0);
    if (!in.isFlat()) {
      throw new UnsupportedException("reads %s, but vectors N,C are supported".formatted(in));
    }
    return in;
  }

  private Value dense(Call call, Shape in, Weight weight, @Nullable Weight bias) {
    long[] dims = weight.dims();
    call.require(
        dims[1] == in.channels(),
        "reads %d values, but its weights are for %d".formatted(in.channels(), dims[1]));
    if (bias != null && bias.elements() != dims[0]) {
      throw new UnsupportedException("has a bias that is not one value a class");
    }
    Weight list = bias == null ? null : bias.reshaped(new long[] {dims[0]});
    return drafts.add(
        call.node(), new Operation.Dense(weight, list), Shape.flat(dims[0]), call.computed(0).id());
  }

  /** A function of every value, or null if the operator is none. */
  @Nullable Value function(Call call) {
    return switch (call.node().operator()) {
      case "Relu" -> activation(call, Function.RELU, 0, 0);
      case "Clip" -> clip(call);
      case "LeakyRelu" ->
          activation(call, Function.LEAKY_RELU, call.node().real("alpha", 0.01f), 0);
      case "PRelu" -> prelu(call);
      case "Elu" -> activation(call, Function.ELU, call.node().real("alpha", 1), 0);
      case "Celu" -> celu(call);
      case "Selu" ->
          scaledElu(
              call, call.node().real("alpha", 1.6732632f), call.node().real("gamma", 1.050701f));
      case "Sigmoid" -> activation(call, Function.SIGMOID, 0, 0);
      case "HardSigmoid" ->
          activation(
              call,
              Function.HARD_SIGMOID,
              call.node().real("alpha", 0.2f),
              call.node().real("beta", 0.5f));
      case "Swish" ->
          call.node().real("alpha", 1) == 1 ? activation(call, Function.SILU, 0, 0) : null;
      case "HardSwish" -> activation(call, Function.HARD_SWISH, 0, 0);
      case "Mish" -> activation(call, Function.MISH, 0, 0);
      case "Gelu" ->
          activation(
              call,
              call.node().text("approximate", "none").equals("tanh")
                  ? Function.GELU_TANH
                  : Function.GELU,
              0,
              0);
      case "Tanh" -> activation(call, Function.TANH, 0, 0);
      default -> null;
    };
  }

  private Value activation(Call call, Function function, double alpha, double beta) {
    return drafts.add(
        call.node(),
        new Activation(function, alpha, beta, null),
        call.shape(0),
        call.computed(0).id());
  }

  private Value clip(Call call) {
    double least = call.real("min", 1, Double.NEGATIVE_INFINITY);
    double most = call.real("max", 2, Double.POSITIVE_INFINITY);
    if (least == 0 && (most == Double.POSITIVE_INFINITY || most >= Float.MAX_VALUE)) {
      return activation(call, Function.RELU, 0, 0);
    }
    return activation(call, Function.CLIP, least, most);
  }

  /** Max or Min of a tensor and one number. */
  Value bound(Call call) {
    Constant left = call.knownOrNull(0);
    boolean isFirst = left != null;
    int place = isFirst ? 0 : 1;
    if (call.inputs().size() != 2 || call.knownOrNull(place) == null) {
      throw new UnsupportedException("compares tensors");
    }
    double bound = number(call, place);
    if (Double.isNaN(bound)) {
      throw new UnsupportedException("compares with what is not one number");
    }
    int x = isFirst ? 1 : 0;
    boolean isLeast = call.node().operator().equals("Max");
    Activation activation =
        isLeast && bound == 0
            ? new Activation(Function.RELU, 0, 0, null)
            : new Activation(
                Function.CLIP,
                isLeast ? bound : Double.NEGATIVE_INFINITY,
                isLeast ? Double.POSITIVE_INFINITY : bound,
                null);
    return drafts.add(call.node(), activation, call.shape(x), call.computed(x).id());
  }

  private static double number(Call call, int place) {
    Constant constant = call.knownOrNull(place);
    Numbers numbers = constant == null ? null : constant.numbers();
    double[] values = numbers == null ? null : numbers.reals();
    return values == null || values.length != 1 ? Double.NaN : values[0];
  }

  private Value prelu(Call call) {
    Shape in = call.shape(0);
    call.require(in.isMap() || in.isFlat(), "reads neither a map nor a vector");
    Weight slope = call.weight(1);
    long[] dims = slope.dims();
    boolean isPerChannel =
        slope.elements() == 1
            || (slope.elements() == in.channels()
                && (in.isMap() ? isChannel(dims) : dims[dims.length - 1] == in.channels()));
    if (!isPerChannel) {
      throw new UnsupportedException("has slopes that are not one a channel");
    }
    return drafts.add(
        call.node(),
        new Activation(Function.PRELU, 0, 0, slope.reshaped(new long[] {slope.elements()})),
        in,
        call.computed(0).id());
  }

  /** Whether extents are those of a value a channel: C,1,1 or 1,C,1,1. */
  static boolean isChannel(long[] dims) {
    int channel = dims.length - 3;
    for (int axis = 0; axis < dims.length; axis++) {
      if (axis != channel && dims[axis] != 1) {
        return false;
      }
    }
    return channel >= 0;
  }

  /** Selu and Celu, which are Elu but for a factor. */
  private Value scaledElu(Call call, double alpha, double factor) {
    Value.Computed elu =
        drafts.add(
            call.node(),
            new Activation(Function.ELU, alpha, 0, null),
            call.shape(0),
            call.computed(0).id());
    return factor == 1 ? elu : times(call, elu, factor);
  }

  private Value celu(Call call) {
    if (call.node().real("alpha", 1) != 1) {
      throw new UnsupportedException("has another alpha than 1");
    }
    return scaledElu(call, 1, 1);
  }

  private Value.Computed times(Call call, Value.Computed x, double factor) {
    WithConstant scaled = new WithConstant(Arithmetic.TIMES, factor, null);
    return drafts.add(call.node(), scaled, x.shape(), x.id());
  }

  /** Neg. */
  Value negated(Call call) {
    return times(call, call.computed(0), -1);
  }

  /** Pow with a whole exponent that is a product of few factors. */
  Value power(Call call) {
    double exponent = number(call, 1);
    if (exponent == 1) {
      return call.computed(0);
    }
    if (exponent == 0.5) {
      return drafts.add(
          call.node(), new Operation.Part("Sqrt"), call.shape(0), call.computed(0).id());
    }
    if (exponent != 2) {
      throw new UnsupportedException("raises to another power than 2");
    }
    int x = call.computed(0).id();
    return drafts.add(call.node(), new Operation.Multiply(), call.shape(0), x, x);
  }

  /** Sum of any number of tensors. */
  Value sum(Call call) {
    Value.Computed sum = call.computed(0);
    Shape shape = call.shape(0);
    for (int i = 1; i < call.inputs().size(); i++) {
      shape = common(shape, call.shape(i));
      sum = drafts.add(call.node(), new Operation.Add(), shape, sum.id(), call.computed(i).id());
    }
    return sum;
  }

  /** Add, Sub, Mul, Div of a tensor and a tensor or a constant. */
  Value arithmetic(Call call) {
    Constant left = call.knownOrNull(0);
    Constant known = call.knownOrNull(1);
    if (left != null || known != null) {
      return withConstant(call, left, known);
    }
    Shape shape = common(call.shape(0), call.shape(1));
    Operation operation =
        switch (call.node().operator()) {
          case "Add" -> new Operation.Add();
          case "Mul" -> new Operation.Multiply();
          case "Sub" -> new Operation.Add();
          default -> new Operation.Divide();
        };
    Value.Computed right = call.computed(1);
    int second = call.node().operator().equals("Sub") ? times(call, right, -1).id() : right.id();
    return drafts.add(call.node(), operation, shape, call.computed(0).id(), second);
  }

  private Value withConstant(Call call, @Nullable Constant left, @Nullable Constant right) {
    boolean isFirst = left != null;
    Constant constant = left == null ? right : left;
    if (constant == null) {
      throw new IllegalStateException("No constant");
    }
    Shape shape = call.shape(isFirst ? 1 : 0);
    Arithmetic arithmetic =
        switch (call.node().operator()) {
          case "Add" -> Arithmetic.PLUS;
          case "Sub" -> isFirst ? Arithmetic.FROM : Arithmetic.MINUS;
          case "Mul" -> Arithmetic.TIMES;
          default -> isFirst ? Arithmetic.INVERSE : Arithmetic.OVER;
        };
    Numbers numbers = constant.numbers();
    double[] values = numbers == null || numbers.count() != 1 ? null : numbers.reals();
    Shape joined = common(shape, fixed(constant.dims()));
    if (values != null && joined.equals(shape) && isNothing(arithmetic, values[0])) {
      return call.computed(isFirst ? 1 : 0);
    }
    Operation operation =
        new WithConstant(
            arithmetic,
            values == null ? Double.NaN : values[0],
            constant.weight(call.node().inputs().get(isFirst ? 0 : 1)));
    return drafts.add(call.node(), operation, joined, call.computed(isFirst ? 1 : 0).id());
  }

  private static boolean isNothing(Arithmetic arithmetic, double number) {
    return switch (arithmetic) {
      case PLUS, MINUS -> number == 0;
      case TIMES, OVER -> number == 1;
      default -> false;
    };
  }

  static Shape fixed(long[] dims) {
    List<Extent> extents = new ArrayList<>();
    for (long extent : dims) {
      extents.add(Extent.of(extent));
    }
    return new Shape(extents);
  }

  /** The shape to which both are repeated. */
  static Shape common(Shape left, Shape right) {
    List<Extent> extents = new ArrayList<>();
    Extent one = Extent.of(1);
    for (int i = 1; i <= Math.max(left.rank(), right.rank()); i++) {
      Extent a = i <= left.rank() ? left.extents().get(left.rank() - i) : one;
      Extent b = i <= right.rank() ? right.extents().get(right.rank() - i) : one;
      if (!a.equals(b) && !a.equals(one) && !b.equals(one)) {
        throw new UnsupportedException("joins %s and %s".formatted(left, right));
      }
      extents.add(a.equals(one) ? b : a);
    }
    Collections.reverse(extents);
    return new Shape(extents);
  }
}
