package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.Arithmetic;
import dev.nibble.engine.exchange.onnx.graph.Operation.GroupNorm;
import dev.nibble.engine.exchange.onnx.graph.Operation.LayerNorm;
import dev.nibble.engine.exchange.onnx.graph.Operation.WithConstant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Layer and group norm as exporters spell them: a layer norm by the means it is made of, groups as
 * the instances of a tensor of another shape, scale and shift behind them.
 */
final class NormPatterns {
  private final Drafts drafts;
  private final int[] readers;

  /** Looks at drafts, of which each is read by so many others. */
  NormPatterns(Drafts drafts, int[] readers) {
    this.drafts = drafts;
    this.readers = readers;
  }

  private Draft input(Draft draft, int place) {
    return drafts.get(draft.inputs.get(place));
  }

  private static void become(Draft draft, Operation operation, String operator, int source) {
    draft.operation = operation;
    draft.operator = operator;
    draft.inputs = List.of(source);
  }

  /** What a draft is divided by another, or multiplied by its inverse: (x - mean) / deviation. */
  void divided(Draft draft) {
    for (int place = 0; place < draft.inputs.size(); place++) {
      boolean divides = draft.operation instanceof Operation.Divide;
      Draft deviation = divides ? input(draft, 1) : ofInverse(input(draft, place));
      int centred = draft.inputs.get(divides ? 0 : 1 - place);
      if (deviation != null && normalized(draft, drafts.get(centred), deviation)) {
        return;
      }
    }
  }

  /** x length / (mean(length) + epsilon), with x's length over its pixels. */
  void response(Draft draft) {
    for (int place = 0; place < draft.inputs.size(); place++) {
      Draft factor = input(draft, place);
      int x = draft.inputs.get(1 - place);
      boolean isQuotient = factor.operation instanceof Operation.Divide;
      Draft length = isQuotient ? input(factor, 0) : factor;
      Draft sum = isQuotient ? input(factor, 1) : factor;
      boolean isOfPixels =
          length.operation instanceof Operation.LengthOver
              && sum.operation instanceof WithConstant plus
              && plus.arithmetic() == Arithmetic.PLUS
              && plus.number() > 0
              && length.inputs.getFirst() == x;
      if (isOfPixels && length.operation instanceof Operation.LengthOver over) {
        Draft mean = input(sum, 0);
        int axis = meanAxis(mean);
        List<Integer> pixels = axis == 1 ? List.of(2, 3) : List.of(1, 2);
        if (axis > 0 && mean.inputs.getFirst() == length.id && over.axes().equals(pixels)) {
          float epsilon = (float) ((WithConstant) sum.operation).number();
          Operation norm = new Operation.ResponseNorm(axis, epsilon, null, null);
          become(draft, norm, "GlobalResponseNormalization", x);
          return;
        }
      }
    }
  }

  /** The x of 1 / x, or null if it is none. */
  private @Nullable Draft ofInverse(Draft draft) {
    if (draft.operation instanceof Operation.Part p && p.operator().equals("Reciprocal")) {
      return input(draft, 0);
    }
    boolean isInverse =
        draft.operation instanceof WithConstant c
            && c.arithmetic() == Arithmetic.INVERSE
            && c.number() == 1;
    return isInverse ? input(draft, 0) : null;
  }

  private boolean normalized(Draft draft, Draft centred, Draft deviation) {
    int axis = meanOf(centred);
    boolean isRoot = deviation.operation instanceof Operation.Part p && p.operator().equals("Sqrt");
    Draft sum = isRoot ? input(deviation, 0) : null;
    if (axis < 0
        || sum == null
        || !(sum.operation instanceof WithConstant plus)
        || plus.arithmetic() != Arithmetic.PLUS
        || !(plus.number() > 0)) {
      return false;
    }
    Draft variance = input(sum, 0);
    Draft square = meanAxis(variance) == axis ? input(variance, 0) : null;
    boolean isSquare =
        square != null
            && square.operation instanceof Operation.Multiply
            && square.inputs.equals(List.of(centred.id, centred.id));
    if (!isSquare) {
      return false;
    }
    float epsilon = (float) plus.number();
    Operation operation =
        axis == 1
            ? new GroupNorm(1, true, epsilon, null, null)
            : new LayerNorm(axis, epsilon, null, null);
    become(draft, operation, "LayerNormalization", centred.inputs.getFirst());
    return true;
  }

  /** The axis that a draft is the mean over, kept with one index; -1 if it is none. */
  private int meanAxis(Draft draft) {
    if (draft.operation instanceof Operation.MeanOver over && over.axes().size() == 1) {
      return over.axes().getFirst();
    }
    Shape in = draft.inputs.isEmpty() ? null : input(draft, 0).shape;
    if (in == null || !in.isMap()) {
      return -1;
    }
    // What is read as pooling until it is known that these are no columns.
    boolean isRow =
        draft.operation instanceof Operation.AveragePool p
            && p.window().height() == 1
            && p.window().width() == in.width()
            && p.window().isPadded(0);
    return isRow || (draft.operation instanceof Operation.GlobalAverage && in.height() == 1)
        ? 3
        : -1;
  }

  /** The axis of the mean of x in x - mean(x); -1 if it is none. */
  private int meanOf(Draft centred) {
    if (!(centred.operation instanceof Operation.Add)) {
      return -1;
    }
    Draft negated = input(centred, 1);
    boolean isNegated =
        negated.operation instanceof WithConstant c
            && c.arithmetic() == Arithmetic.TIMES
            && c.number() == -1;
    Draft mean = isNegated ? input(negated, 0) : null;
    return mean != null && mean.inputs.equals(centred.inputs.subList(0, 1)) ? meanAxis(mean) : -1;
  }

  /** N,C,H,W to N,groups,values, the instances of that, and back. */
  void joined(Draft draft) {
    Draft norm = input(draft, 0);
    Draft split = norm.operation instanceof GroupNorm ? input(norm, 0) : null;
    if (split == null
        || !(norm.operation instanceof GroupNorm g)
        || !(split.operation instanceof Operation.Reshape)) {
      return;
    }
    Draft source = input(split, 0);
    Shape parts = norm.shape;
    Shape map = draft.shape;
    boolean fits =
        parts != null
            && map != null
            && parts.rank() == 3
            && map.isMap()
            && map.equals(source.shape)
            && parts.extents().getFirst().equals(Extent.N)
            && map.channels() % g.groups() == 0;
    if (fits) {
      int width = Objects.requireNonNull(map).channels() / g.groups();
      GroupNorm whole =
          new GroupNorm(
              g.groups(),
              false,
              g.epsilon(),
              NormRules.repeated(g.scale(), width),
              NormRules.repeated(g.shift(), width));
      become(draft, whole, "GroupNormalization", source.id);
    }
  }

  /** A factor a channel behind a norm without scale is its scale, what is added then its shift. */
  void affine(Draft draft, WithConstant constant) {
    Draft before = input(draft, 0);
    Weight weight = constant.constant();
    if (readers[before.id] != 1 || weight == null || before.shape == null) {
      return;
    }
    Weight list = weight.reshaped(new long[] {weight.elements()});
    if (list == null) {
      return;
    }
    boolean scales = constant.arithmetic() == Arithmetic.TIMES;
    boolean shifts = constant.arithmetic() == Arithmetic.PLUS;
    switch (before.operation) {
      case LayerNorm n -> {
        if (isAlong(weight.dims(), before.shape, n.axis())) {
          if (scales && n.scale() == null && n.shift() == null) {
            take(draft, before, new LayerNorm(n.axis(), n.epsilon(), list, null));
          } else if (shifts && n.scale() != null && n.shift() == null) {
            take(draft, before, new LayerNorm(n.axis(), n.epsilon(), n.scale(), list));
          }
        }
      }
      case Operation.ResponseNorm n -> {
        if (isAlong(weight.dims(), before.shape, n.axis())) {
          if (scales && n.scale() == null && n.shift() == null) {
            take(draft, before, new Operation.ResponseNorm(n.axis(), n.epsilon(), list, null));
          } else if (shifts && n.scale() != null && n.shift() == null) {
            take(draft, before, new Operation.ResponseNorm(n.axis(), n.epsilon(), n.scale(), list));
          }
        }
      }
      case GroupNorm n -> {
        if (isAlong(weight.dims(), before.shape, 1)) {
          if (scales && n.scale() == null && n.shift() == null) {
            take(draft, before, with(n, list, null));
          } else if (shifts && n.scale() != null && n.shift() == null) {
            take(draft, before, with(n, n.scale(), list));
          }
        }
      }
      default -> {
        // no norm
      }
    }
  }

  private static GroupNorm with(GroupNorm n, @Nullable Weight scale, @Nullable Weight shift) {
    return new GroupNorm(n.groups(), n.byPixel(), n.epsilon(), scale, shift);
  }

  private static void take(Draft draft, Draft before, Operation operation) {
    draft.scope = before.scope;
    become(draft, operation, before.operator, before.inputs.getFirst());
  }

  /** Whether a constant of these extents has a value for each index of an axis alone. */
  private static boolean isAlong(long[] dims, Shape shape, int axis) {
    int before = shape.rank() - dims.length;
    if (axis < before || !shape.extents().get(axis).isFixed()) {
      return false;
    }
    for (int i = 0; i < dims.length; i++) {
      long wanted = i + before == axis ? shape.fixed(axis) : 1;
      if (dims[i] != wanted) {
        return false;
      }
    }
    return true;
  }
}
