package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.TensorData;
import dev.nibble.engine.protobuf.ProtobufException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Weights that a file computes of others, as weight standardisation does: too many numbers to be
 * held, so they are computed whenever a parameter is loaded. Nothing is computed that is larger
 * than what it is made of, so a file cannot ask for more memory than its own size.
 */
final class WeightArithmetic {
  /** Operations that a value may be the result of, each counted as often as it is done. */
  private static final int MOST_OPERATIONS = 256;

  /** How often all values of a file may be passed over while its graph is read. */
  private static final int MOST_PASSES = 64;

  private static final long SMALL = 1 << 22;
  private static final long MOST_VALUES = 1 << 28;

  /** What it takes to compute a tensor. */
  private record Cost(int operations, long values) {}

  private final Map<TensorData, Cost> costs = new HashMap<>();
  private long left;

  /**
   * Computes for a file.
   *
   * @param values how many numbers its tensors have
   */
  WeightArithmetic(long values) {
    left = MOST_PASSES * Math.min(values, Long.MAX_VALUE / (2 * MOST_PASSES)) + SMALL;
  }

  /** What an operator makes of floats that are all known; null if it is none of these. */
  @Nullable Constant fold(Call call) {
    List<Weight> inputs = new ArrayList<>();
    for (int i = 0; i < call.inputs().size(); i++) {
      Constant constant = call.knownOrNull(i);
      Weight weight = constant == null ? null : floats(constant);
      if (weight == null || weight.elements() > MOST_VALUES) {
        return null;
      }
      inputs.add(weight);
    }
    if (inputs.isEmpty()) {
      return null;
    }
    Weight first = inputs.getFirst();
    return switch (call.node().operator()) {
      case "Reshape", "Flatten", "Squeeze", "Unsqueeze" -> reshaped(call, first);
      case "ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2" ->
          reduced(call, first);
      case "BatchNormalization" -> batchNorm(call, inputs);
      case "InstanceNormalization" -> instanceNorm(call, inputs);
      default -> elementwise(call, inputs);
    };
  }

  /** As a weight; whole numbers become floats. */
  private static @Nullable Weight floats(Constant constant) {
    Weight weight = constant.weight("");
    if (weight != null) {
      return weight;
    }
    Numbers numbers = constant.numbers();
    double[] values = numbers == null ? null : numbers.reals();
    return values == null ? null : Weight.of(TensorData.of("", constant.dims(), values));
  }

  private @Nullable Constant elementwise(Call call, List<Weight> inputs) {
    String operator = call.node().operator();
    DoubleUnaryOperator unary = ElementArithmetic.unary(operator);
    Weight left = inputs.getFirst();
    if (unary != null && inputs.size() == 1) {
      return made(call, inputs, left.dims(), () -> mapped(left, unary));
    }
    DoubleBinaryOperator binary =
        ElementArithmetic.isComparison(operator) ? null : ElementArithmetic.real(operator);
    if (binary == null || inputs.size() != 2) {
      return null;
    }
    Weight right = inputs.get(1);
    long[] dims = ElementArithmetic.common(call, left.dims(), right.dims());
    return made(call, inputs, dims, () -> joined(left, right, dims, binary));
  }

  /** Where axes are turned: else it is the same tensor seen otherwise. */
  private @Nullable Constant reshaped(Call call, Weight weight) {
    List<Extent> from = Arrays.stream(weight.dims()).mapToObj(Extent::of).toList();
    Extent[] dims = Reshaping.target(call, from);
    if (dims == null || !Arrays.stream(dims).allMatch(Extent::isFixed)) {
      return null;
    }
    long[] fixed = Arrays.stream(dims).mapToLong(Extent::fixed).toArray();
    return made(call, List.of(weight), fixed, () -> values(weight));
  }

  private @Nullable Constant reduced(Call call, Weight weight) {
    long[] dims = weight.dims();
    long[] axes = call.integers("axes", 1);
    if (axes == null && call.isGiven("axes", 1)) {
      return null;
    }
    boolean isNone = axes == null || axes.length == 0;
    if (isNone && call.node().integer("noop_with_empty_axes", 0) != 0) {
      return null;
    }
    boolean[] goes = new boolean[dims.length];
    Arrays.fill(goes, isNone);
    for (int i = 0; axes != null && i < axes.length; i++) {
      goes[call.axis(axes[i], dims.length)] = true;
    }
    boolean keeps = call.node().integer("keepdims", 1) != 0;
    List<Long> left = new ArrayList<>();
    for (int axis = 0; axis < dims.length; axis++) {
      if (!goes[axis] || keeps) {
        left.add(goes[axis] ? 1 : dims[axis]);
      }
    }
    long[] small = left.stream().mapToLong(Long::longValue).toArray();
    String operator = call.node().operator();
    return made(call, List.of(weight), small, () -> sums(weight, goes, operator));
  }

  private static float[] sums(Weight weight, boolean[] goes, String operator) {
    float[] values = values(weight);
    int[] sets = sets(weight.dims(), goes);
    double[] sums = new double[count(sets)];
    int[] counts = new int[sums.length];
    for (int i = 0; i < values.length; i++) {
      double value = values[i];
      sums[sets[i]] +=
          switch (operator) {
            case "ReduceSumSquare", "ReduceL2" -> value * value;
            case "ReduceL1" -> Math.abs(value);
            default -> value;
          };
      counts[sets[i]]++;
    }
    float[] result = new float[sums.length];
    for (int set = 0; set < sums.length; set++) {
      double sum = operator.equals("ReduceMean") ? sums[set] / counts[set] : sums[set];
      result[set] = (float) (operator.equals("ReduceL2") ? Math.sqrt(sum) : sum);
    }
    return result;
  }

  /** By the statistics that are given, or in training form by the tensor's own. */
  private @Nullable Constant batchNorm(Call call, List<Weight> inputs) {
    Weight x = inputs.getFirst();
    long[] dims = x.dims();
    if (dims.length < 2 || !areLists(inputs, dims[1], 5)) {
      return null;
    }
    boolean[] goes = new boolean[dims.length];
    Arrays.fill(goes, true);
    goes[1] = false;
    double epsilon = call.node().real("epsilon", 1e-5f);
    boolean isOwn = call.node().integer("training_mode", 0) != 0;
    return made(call, inputs, dims, () -> normalized(inputs, goes, epsilon, isOwn));
  }

  private @Nullable Constant instanceNorm(Call call, List<Weight> inputs) {
    Weight x = inputs.getFirst();
    long[] dims = x.dims();
    if (dims.length < 3 || dims[0] != 1 || !areLists(inputs, dims[1], 3)) {
      return null;
    }
    boolean[] goes = new boolean[dims.length];
    Arrays.fill(goes, true);
    goes[1] = false;
    double epsilon = call.node().real("epsilon", 1e-5f);
    return made(call, inputs, dims, () -> normalized(inputs, goes, epsilon, true));
  }

  private static boolean areLists(List<Weight> inputs, long channels, int count) {
    return inputs.size() == count
        && inputs.stream().skip(1).allMatch(w -> w.elements() == channels && w.isPlain());
  }

  private static float[] normalized(
      List<Weight> inputs, boolean[] goes, double epsilon, boolean isOwn) {
    float[] x = values(inputs.getFirst());
    int[] sets = sets(inputs.getFirst().dims(), goes);
    float[] scale = values(inputs.get(1));
    float[] shift = values(inputs.get(2));
    double[] mean = isOwn ? new double[scale.length] : doubles(values(inputs.get(3)));
    double[] variance = isOwn ? new double[scale.length] : doubles(values(inputs.get(4)));
    if (isOwn) {
      double values = (double) x.length / scale.length;
      for (int i = 0; i < x.length; i++) {
        mean[sets[i]] += x[i] / values;
      }
      for (int i = 0; i < x.length; i++) {
        variance[sets[i]] += Math.pow(x[i] - mean[sets[i]], 2) / values;
      }
    }
    for (int i = 0; i < x.length; i++) {
      int c = sets[i];
      double normal = (x[i] - mean[c]) / Math.sqrt(variance[c] + epsilon);
      x[i] = (float) (normal * scale[c] + shift[c]);
    }
    return x;
  }

  private static double[] doubles(float[] values) {
    double[] all = new double[values.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = values[i];
    }
    return all;
  }

  private static float[] mapped(Weight x, DoubleUnaryOperator function) {
    float[] values = values(x);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) function.applyAsDouble(values[i]);
    }
    return values;
  }

  private static float[] joined(
      Weight left, Weight right, long[] dims, DoubleBinaryOperator function) {
    float[] x = values(left);
    float[] y = values(right);
    int[] a = x.length == 1 ? null : Numbers.broadcast(left.dims(), dims);
    int[] b = y.length == 1 ? null : Numbers.broadcast(right.dims(), dims);
    float[] result = new float[Math.max(x.length, y.length)];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) function.applyAsDouble(x[a == null ? 0 : a[i]], y[b == null ? 0 : b[i]]);
    }
    return result;
  }

  /** All values in the order of the axes; an array that nobody else has. */
  private static float[] values(Weight weight) {
    float[] stored = new float[(int) weight.elements()];
    weight.tensor().values().floats(stored, 0, stored.length);
    if (weight.isPlain()) {
      return stored;
    }
    int[] places = Numbers.turned(weight.stored(), weight.order());
    float[] turned = new float[stored.length];
    for (int i = 0; i < turned.length; i++) {
      turned[i] = stored[places[i]];
    }
    return turned;
  }

  /** To which of the sums each value belongs where some axes go. */
  private static int[] sets(long[] dims, boolean[] goes) {
    long[] kept = dims.clone();
    for (int axis = 0; axis < dims.length; axis++) {
      kept[axis] = goes[axis] ? 1 : dims[axis];
    }
    return Numbers.broadcast(kept, dims);
  }

  private static int count(int[] sets) {
    return Arrays.stream(sets).max().orElse(-1) + 1;
  }

  /** A tensor that is computed when it is read; null if it would grow, or take too long. */
  private @Nullable Constant made(
      Call call, List<Weight> inputs, long[] dims, Supplier<float[]> values) {
    long largest = 0;
    int operations = 1;
    long most = 0;
    String name = "";
    for (Weight input : inputs) {
      Cost cost = costs.getOrDefault(input.tensor(), new Cost(0, input.elements()));
      operations = Math.min(MOST_OPERATIONS + 1, operations + cost.operations());
      most = Math.max(most, cost.values());
      if (input.elements() > largest) {
        largest = input.elements();
        name = input.name();
      }
    }
    long elements = Numbers.product(dims);
    if (elements > largest || elements == 0 || operations > MOST_OPERATIONS) {
      return null;
    }
    boolean isSmall = elements <= Constant.MOST;
    if (isSmall) {
      // Its numbers may be looked at while the graph is read, and are kept then.
      long work = Math.multiplyExact(operations, most);
      if (work > left) {
        throw new ProtobufException(
            "node '%s' (%s) computes weights of others for too long"
                .formatted(call.node().label(), call.node().operator()));
      }
      left -= work;
    }
    Supplier<float[]> all = isSmall ? new Kept(values) : values;
    TensorData tensor = TensorData.computed(name, dims, elements, all);
    costs.put(tensor, new Cost(isSmall ? 0 : operations, most));
    return Constant.of(Weight.of(tensor));
  }

  /** Few values, computed once. */
  private static final class Kept implements Supplier<float[]> {
    private final Supplier<float[]> source;
    private float @Nullable [] values;

    Kept(Supplier<float[]> source) {
      this.source = source;
    }

    @Override
    public float[] get() {
      float[] made = values;
      if (made == null) {
        made = source.get();
        values = made;
      }
      return made;
    }
  }
}
