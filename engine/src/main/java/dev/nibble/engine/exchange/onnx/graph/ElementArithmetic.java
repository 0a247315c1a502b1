package dev.nibble.engine.exchange.onnx.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Known numbers added, compared, chosen and summed up. */
final class ElementArithmetic {
  private ElementArithmetic() {}

  /** An operator on values of one or two inputs, or null if it is none or cannot be known. */
  static @Nullable Constant elementwise(Call call) {
    DoubleUnaryOperator unary =
        call.node().operator().equals("Clip") ? clip(call) : unary(call.node().operator());
    Numbers left = call.node().inputs().isEmpty() ? null : call.known(0).numbers();
    if (left == null) {
      return null;
    }
    if (unary != null) {
      double[] values = left.reals();
      return values == null
          ? null
          : like(left, Arrays.stream(values).map(unary).toArray(), left.isReal());
    }
    Numbers right = call.node().inputs().size() == 2 ? call.known(1).numbers() : null;
    return right == null ? null : binary(call, left, right);
  }

  private static DoubleUnaryOperator clip(Call call) {
    double least = call.real("min", 1, Double.NEGATIVE_INFINITY);
    double most = call.real("max", 2, Double.POSITIVE_INFINITY);
    return v -> Math.min(Math.max(v, least), most);
  }

  private static Constant like(Numbers numbers, double[] values, boolean isReal) {
    return Constant.of(
        isReal
            ? Numbers.real(numbers.dims(), values)
            : Numbers.whole(
                numbers.dims(), Arrays.stream(values).mapToLong(v -> (long) v).toArray()));
  }

  static @Nullable DoubleUnaryOperator unary(String operator) {
    return switch (operator) {
      case "Neg" -> v -> -v;
      case "Sign" -> Math::signum;
      case "Abs" -> Math::abs;
      case "Floor" -> Math::floor;
      case "Ceil" -> Math::ceil;
      case "Round" -> Math::rint;
      case "Sqrt" -> Math::sqrt;
      case "Reciprocal" -> v -> 1 / v;
      case "Exp" -> Math::exp;
      case "Log" -> Math::log;
      case "Not" -> v -> v == 0 ? 1 : 0;
      default -> null;
    };
  }

  private static @Nullable Constant binary(Call call, Numbers left, Numbers right) {
    long[] dims = common(call, left.dims(), right.dims());
    if (ShapeArithmetic.count(call, dims) < 0) {
      return null;
    }
    Numbers a = left.picked(dims, Numbers.broadcast(left.dims(), dims));
    Numbers b = right.picked(dims, Numbers.broadcast(right.dims(), dims));
    String operator = call.node().operator();
    if (a.isReal() || b.isReal()) {
      double[] x = a.reals();
      double[] y = b.reals();
      DoubleBinaryOperator function = real(operator);
      if (x == null || y == null || function == null) {
        return null;
      }
      double[] values =
          IntStream.range(0, x.length)
              .mapToDouble(i -> function.applyAsDouble(x[i], y[i]))
              .toArray();
      return like(a, values, !isComparison(operator));
    }
    Extent[] x = a.wholes();
    Extent[] y = b.wholes();
    Extent[] values = new Extent[x.length];
    for (int i = 0; i < x.length; i++) {
      Extent value = whole(operator, x[i], y[i]);
      if (value == null) {
        return null;
      }
      values[i] = value;
    }
    return Constant.of(Numbers.whole(dims, values));
  }

  static boolean isComparison(String operator) {
    return switch (operator) {
      case "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or" -> true;
      default -> false;
    };
  }

  static @Nullable DoubleBinaryOperator real(String operator) {
    return switch (operator) {
      case "Add" -> (x, y) -> x + y;
      case "Sub" -> (x, y) -> x - y;
      case "Mul" -> (x, y) -> x * y;
      case "Div" -> (x, y) -> x / y;
      case "Pow" -> Math::pow;
      case "Min" -> Math::min;
      case "Max" -> Math::max;
      case "Equal" -> (x, y) -> x == y ? 1 : 0;
      case "Less" -> (x, y) -> x < y ? 1 : 0;
      case "Greater" -> (x, y) -> x > y ? 1 : 0;
      case "LessOrEqual" -> (x, y) -> x <= y ? 1 : 0;
      case "GreaterOrEqual" -> (x, y) -> x >= y ? 1 : 0;
      default -> null;
    };
  }

  private static @Nullable Extent whole(String operator, Extent x, Extent y) {
    Integer sign =
        isComparison(operator) || operator.equals("Min") || operator.equals("Max")
            ? x.minus(y).sign()
            : null;
    return switch (operator) {
      case "Add" -> x.plus(y);
      case "Sub" -> x.minus(y);
      case "Mul" -> x.times(y);
      case "Div" -> x.dividedBy(y);
      case "Mod" ->
          x.isFixed() && y.isFixed() && y.fixed() != 0
              ? Extent.of(Math.floorMod(x.fixed(), y.fixed()))
              : null;
      case "Pow" ->
          x.isFixed() && y.isFixed()
              ? Extent.of((long) Math.pow((double) x.fixed(), (double) y.fixed()))
              : null;
      case "Min" -> sign == null ? null : sign <= 0 ? x : y;
      case "Max" -> sign == null ? null : sign >= 0 ? x : y;
      case "Equal" -> equal(x, y);
      case "Less" -> truth(sign, sign != null && sign < 0);
      case "Greater" -> truth(sign, sign != null && sign > 0);
      case "LessOrEqual" -> truth(sign, sign != null && sign <= 0);
      case "GreaterOrEqual" -> truth(sign, sign != null && sign >= 0);
      case "And" ->
          x.isFixed() && y.isFixed() ? Extent.of(x.fixed() != 0 && y.fixed() != 0 ? 1 : 0) : null;
      case "Or" ->
          x.isFixed() && y.isFixed() ? Extent.of(x.fixed() != 0 || y.fixed() != 0 ? 1 : 0) : null;
      default -> null;
    };
  }

  private static @Nullable Extent truth(@Nullable Integer sign, boolean truth) {
    return sign == null ? null : Extent.of(truth ? 1 : 0);
  }

  /** Equal for every batch or for none; null if it depends on it. */
  private static @Nullable Extent equal(Extent x, Extent y) {
    Extent difference = x.minus(y);
    if (difference.isFixed()) {
      return Extent.of(difference.fixed() == 0 ? 1 : 0);
    }
    boolean meets =
        difference.fixed() % difference.batch() == 0
            && -difference.fixed() / difference.batch() >= 1;
    return meets ? null : Extent.of(0);
  }

  /** 0 and 1. */
  static @Nullable Constant truth(Numbers numbers) {
    double[] values = numbers.reals();
    return values == null
        ? null
        : like(numbers, Arrays.stream(values).map(v -> v == 0 ? 0 : 1).toArray(), false);
  }

  static @Nullable Constant where(Call call) {
    Numbers condition = call.known(0).numbers();
    Numbers left = call.known(1).numbers();
    Numbers right = call.known(2).numbers();
    if (condition == null || left == null || right == null || left.isReal() != right.isReal()) {
      return null;
    }
    long[] dims = common(call, common(call, condition.dims(), left.dims()), right.dims());
    long[] chosen = condition.longs();
    if (chosen == null || ShapeArithmetic.count(call, dims) < 0) {
      return null;
    }
    int[] c = Numbers.broadcast(condition.dims(), dims);
    Numbers a = left.picked(dims, Numbers.broadcast(left.dims(), dims));
    Numbers b = right.picked(dims, Numbers.broadcast(right.dims(), dims));
    double[] x = a.reals();
    double[] y = b.reals();
    if (a.isReal() && x != null && y != null) {
      return Constant.of(
          Numbers.real(
              dims,
              IntStream.range(0, c.length)
                  .mapToDouble(i -> chosen[c[i]] != 0 ? x[i] : y[i])
                  .toArray()));
    }
    Extent[] values =
        IntStream.range(0, c.length)
            .mapToObj(i -> chosen[c[i]] != 0 ? a.wholes()[i] : b.wholes()[i])
            .toArray(Extent[]::new);
    return Constant.of(Numbers.whole(dims, values));
  }

  /** Over all values of a list, which is all that shapes need. */
  static @Nullable Constant reduce(Call call) {
    Numbers data = call.known(0).numbers();
    if (data == null || data.rank() != 1 || data.isReal() || data.count() == 0) {
      return null;
    }
    String operator =
        switch (call.node().operator()) {
          case "ReduceProd" -> "Mul";
          case "ReduceSum" -> "Add";
          case "ReduceMax" -> "Max";
          default -> "Min";
        };
    List<Extent> values = new ArrayList<>(Arrays.asList(data.wholes()));
    Extent result = values.removeFirst();
    for (Extent value : values) {
      result = result == null ? null : whole(operator, result, value);
    }
    long[] dims = call.node().integer("keepdims", 1) == 1 ? new long[] {1} : new long[0];
    return result == null ? null : Constant.of(Numbers.whole(dims, result));
  }

  /** The extents to which both are repeated. */
  static long[] common(Call call, long[] left, long[] right) {
    long[] dims = new long[Math.max(left.length, right.length)];
    for (int i = 1; i <= dims.length; i++) {
      long a = i <= left.length ? left[left.length - i] : 1;
      long b = i <= right.length ? right[right.length - i] : 1;
      call.require(a == b || a == 1 || b == 1, "joins shapes that do not fit each other");
      dims[dims.length - i] = a == 1 ? b : a;
    }
    return dims;
  }
}
