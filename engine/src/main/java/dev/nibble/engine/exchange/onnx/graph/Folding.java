package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.Attribute;
import dev.nibble.engine.exchange.onnx.model.ElementType;
import dev.nibble.engine.exchange.onnx.model.TensorData;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Operators whose inputs are all known. Chains that compute shapes vanish here, the batch's own
 * extent included; weights are only looked at from another side, never copied.
 */
final class Folding {
  private Folding() {}

  /** The value, or null where it cannot be known. */
  static @Nullable Constant fold(Call call) {
    return switch (call.node().operator()) {
      case "Constant" -> constant(call);
      case "Identity" -> identity(call);
      case "Cast" -> cast(call, ElementType.find(call.node().integer("to", 0)));
      case "CastLike" -> {
        Weight like = call.known(1).stored();
        yield cast(call, like == null ? null : like.tensor().type());
      }
      case "Transpose" -> transpose(call);
      case "Reshape", "Flatten", "Squeeze", "Unsqueeze" -> reshape(call);
      case "Shape" -> ShapeArithmetic.part(call, lengths(call.known(0).dims()));
      case "Size" ->
          Constant.of(Numbers.whole(new long[0], Extent.of(Numbers.product(call.known(0).dims()))));
      case "Gather" -> ShapeArithmetic.gather(call);
      case "Slice" -> ShapeArithmetic.slice(call);
      case "Concat" -> ShapeArithmetic.concat(call);
      case "ConstantOfShape" -> ofShape(call);
      case "Range" -> ShapeArithmetic.range(call);
      case "Expand" -> ShapeArithmetic.expand(call);
      case "Where" -> ElementArithmetic.where(call);
      case "ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin" -> ElementArithmetic.reduce(call);
      default -> ElementArithmetic.elementwise(call);
    };
  }

  private static Extent[] lengths(long[] dims) {
    return Arrays.stream(dims).mapToObj(Extent::of).toArray(Extent[]::new);
  }

  private static @Nullable Constant constant(Call call) {
    for (Attribute attribute : call.node().attributes().values()) {
      TensorData tensor = attribute.tensor();
      switch (attribute.kind()) {
        case TENSOR -> {
          if (tensor != null) {
            Weight weight = Weight.of(tensor);
            return Constant.of(call.node().outputs().isEmpty() ? weight : weight.named(""));
          }
        }
        case FLOAT -> {
          return Constant.of(Numbers.real(new long[0], attribute.real()));
        }
        case FLOATS -> {
          return Constant.of(
              Numbers.real(new long[] {attribute.reals().length}, attribute.reals()));
        }
        case INT -> {
          return Constant.of(Numbers.whole(new long[0], Extent.of(attribute.integer())));
        }
        case INTS -> {
          return Constant.of(
              Numbers.whole(new long[] {attribute.integers().length}, attribute.integers()));
        }
        default -> {
          // strings, sparse tensors
        }
      }
    }
    return null;
  }

  /** Exporters join equal weights: what the copy is called is the layer's own name for it. */
  private static Constant identity(Call call) {
    Constant source = call.known(0);
    Weight stored = source.stored();
    String name = call.node().outputs().getFirst();
    return stored == null || name.startsWith("/") ? source : Constant.of(stored.named(name));
  }

  private static @Nullable Constant cast(Call call, @Nullable ElementType to) {
    Constant source = call.known(0);
    Weight stored = source.stored();
    if (to == null || (!to.isFloat() && !to.isInteger())) {
      return null;
    }
    if (stored != null && to.isFloat() && stored.tensor().type().isFloat()) {
      return source;
    }
    Numbers numbers = source.numbers();
    if (numbers == null) {
      return null;
    }
    double[] reals = numbers.reals();
    if (to.isFloat()) {
      return reals == null ? null : Constant.of(Numbers.real(numbers.dims(), reals));
    }
    if (to == ElementType.BOOL) {
      return ElementArithmetic.truth(numbers);
    }
    return Constant.of(Numbers.whole(numbers.dims(), numbers.wholes()));
  }

  private static @Nullable Constant transpose(Call call) {
    Constant source = call.known(0);
    int[] order = order(call, source.rank());
    Weight stored = source.stored();
    if (stored != null) {
      return Constant.of(stored.transposed(order));
    }
    Numbers numbers = source.numbers();
    if (numbers == null) {
      return null;
    }
    long[] dims = numbers.dims();
    long[] turned = Arrays.stream(order).mapToLong(axis -> dims[axis]).toArray();
    return Constant.of(numbers.picked(turned, Numbers.turned(dims, order)));
  }

  /** The attribute perm, checked. */
  static int[] order(Call call, int rank) {
    long[] given = call.node().integers("perm");
    if (given == null) {
      return IntStream.range(0, rank).map(axis -> rank - 1 - axis).toArray();
    }
    boolean[] seen = new boolean[rank];
    int[] order = new int[rank];
    call.require(given.length == rank, "turns other axes than its input has");
    for (int axis = 0; axis < rank; axis++) {
      order[axis] = call.axis(given[axis], rank);
      call.require(!seen[order[axis]], "turns one axis twice");
      seen[order[axis]] = true;
    }
    return order;
  }

  private static @Nullable Constant reshape(Call call) {
    Constant source = call.known(0);
    Extent[] dims = Reshaping.target(call, Arrays.asList(lengths(source.dims())));
    if (dims == null) {
      return null;
    }
    for (Extent extent : dims) {
      if (!extent.isFixed()) {
        return null;
      }
    }
    long[] fixed = Arrays.stream(dims).mapToLong(Extent::fixed).toArray();
    Weight stored = source.stored();
    if (stored != null) {
      Weight reshaped = stored.reshaped(fixed);
      if (reshaped != null) {
        return Constant.of(reshaped);
      }
    }
    Numbers numbers = source.numbers();
    return numbers == null ? null : Constant.of(numbers.reshaped(fixed));
  }

  private static @Nullable Constant ofShape(Call call) {
    Numbers shape = call.known(0).numbers();
    long[] dims = shape == null ? null : shape.longs();
    if (dims == null) {
      return null;
    }
    int count = ShapeArithmetic.count(call, dims);
    Numbers one = count < 0 ? null : filling(call);
    return one == null ? null : Constant.of(one.picked(dims, new int[count]));
  }

  /** The one number that ConstantOfShape repeats; null if it is none. */
  private static @Nullable Numbers filling(Call call) {
    Attribute value = call.node().attributes().get("value");
    TensorData tensor = value == null ? null : value.tensor();
    if (tensor == null) {
      return Numbers.real(new long[] {1}, 0);
    }
    Numbers given = Constant.of(tensor).numbers();
    return given == null || given.count() != 1 ? null : given;
  }

  /** The same as a real. */
  static @Nullable Double value(Call call) {
    Numbers one = filling(call);
    double[] values = one == null ? null : one.reals();
    return values == null ? null : (Double) values[0];
  }
}
