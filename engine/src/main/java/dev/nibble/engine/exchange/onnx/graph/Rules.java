package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.Node;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The operators of the standard that read pictures. */
final class Rules {
  /** Not supported, but what comes after them can be looked at: they keep the shape. */
  private static final Set<String> KEEPING =
      Set.of(
          "Abs",
          "Exp",
          "GroupNormalization",
          "InstanceNormalization",
          "LRN",
          "LayerNormalization",
          "Log",
          "LpNormalization",
          "MeanVarianceNormalization",
          "Pow",
          "Shrink",
          "Sin",
          "Cos",
          "Softsign",
          "ThresholdedRelu");

  private final Drafts drafts;
  private final WindowRules windows;
  private final PointwiseRules pointwise;
  private final ShapeRules shapes;
  private final ChanceRules chances;
  private final NormRules norms;
  private final PlaceRules places;
  private final SamplingRules sampling;

  Rules(Drafts drafts) {
    this.drafts = drafts;
    this.windows = new WindowRules(drafts);
    this.pointwise = new PointwiseRules(drafts);
    this.sampling = new SamplingRules(drafts);
    this.shapes = new ShapeRules(drafts, sampling);
    this.chances = new ChanceRules(drafts);
    this.norms = new NormRules(drafts);
    this.places = new PlaceRules(drafts);
  }

  /**
   * What a node gives; null if the operator is not supported.
   *
   * @throws UnsupportedException if this use of it is not
   */
  @Nullable List<Value> apply(Call call) {
    if (call.node().operator().equals("Split")) {
      return shapes.split(call);
    }
    Value picked = places.of(call);
    Value value = picked == null ? one(call) : picked;
    return value == null ? null : List.of(value);
  }

  /** What a node gives that reads no picture, but depends on how many there are; else null. */
  @Nullable Value ofBatch(Call call) {
    Value range = places.range(call);
    return range == null ? chances.filled(call) : range;
  }

  private @Nullable Value one(Call call) {
    Node node = call.node();
    return switch (node.operator()) {
      case "Conv" -> windows.convolution(call);
      case "MaxPool" -> windows.maxPool(call);
      case "AveragePool" -> windows.averagePool(call);
      case "GlobalAveragePool" -> windows.globalAverage(call);
      case "BatchNormalization" -> pointwise.batchNorm(call);
      case "LayerNormalization" -> norms.layer(call);
      case "GroupNormalization" -> norms.group(call);
      case "InstanceNormalization" -> norms.instance(call);
      case "Gemm" -> pointwise.gemm(call);
      case "MatMul" -> pointwise.matMul(call);
      case "Add", "Sub", "Mul", "Div" -> pointwise.arithmetic(call);
      case "Sum" -> pointwise.sum(call);
      case "Neg" -> pointwise.negated(call);
      case "Pow" -> pointwise.power(call);
      case "RandomUniformLike" -> chances.uniform(call);
      case "Bernoulli" -> chances.bernoulli(call);
      case "Less" -> chances.less(call);
      case "Floor" -> chances.floor(call);
      case "Shape", "Size" -> shapes.shape(call);
      case "Reshape", "Flatten", "Squeeze", "Unsqueeze" -> shapes.reshape(call);
      case "Expand" -> shapes.expand(call);
      case "Transpose" -> shapes.transpose(call);
      case "Concat" -> shapes.concat(call);
      case "Slice" -> shapes.slice(call);
      case "Resize", "Upsample" -> sampling.resize(call);
      case "Gather" -> sampling.gather(call);
      case "Pad" -> shapes.pad(call);
      case "ReduceMean" -> shapes.reduceMean(call);
      case "ReduceL2" -> norms.length(call);
      case "ReduceMax" -> shapes.reduceMax(call);
      case "GlobalMaxPool" -> shapes.globalMax(call);
      case "Max", "Min" -> pointwise.bound(call);
      case "Softmax", "LogSoftmax" -> shapes.softmax(call);
      case "Identity", "Cast" -> call.computed(0);
      // Every float is fp32 here: what a constant is cast to matters to nobody.
      case "CastLike" -> call.inputs().getFirst() instanceof Constant c ? c : call.computed(0);
      case "Dropout" -> dropout(call);
      case "Erf", "Softplus", "Sqrt", "Reciprocal" ->
          drafts.add(
              node, new Operation.Part(node.operator()), call.shape(0), call.computed(0).id());
      default -> pointwise.function(call);
    };
  }

  private Value dropout(Call call) {
    double rate = call.real("ratio", 1, 0.5);
    return rate == 0
        ? call.computed(0)
        : drafts.add(
            call.node(),
            new Operation.Dropout((float) rate, false),
            call.shape(0),
            call.computed(0).id());
  }

  /** The shape of what an operator gives that is not supported; null if it is not known. */
  static @Nullable Shape shapeOf(Call call) {
    boolean keeps = KEEPING.contains(call.node().operator());
    return keeps && call.inputs().getFirst() instanceof Value.Computed computed
        ? computed.shape()
        : null;
  }
}
