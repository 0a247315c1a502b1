package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.Activation;
import dev.nibble.engine.exchange.onnx.graph.Operation.Arithmetic;
import dev.nibble.engine.exchange.onnx.graph.Operation.AveragePool;
import dev.nibble.engine.exchange.onnx.graph.Operation.Convolution;
import dev.nibble.engine.exchange.onnx.graph.Operation.Dense;
import dev.nibble.engine.exchange.onnx.graph.Operation.Function;
import dev.nibble.engine.exchange.onnx.graph.Operation.Permute;
import dev.nibble.engine.exchange.onnx.graph.Operation.WithConstant;
import dev.nibble.engine.exchange.onnx.graph.Operation.ZeroPad;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Several operators that stand for one: what exporters write for functions that the opset did not
 * have, and what belongs to the layer before it.
 */
final class Patterns {
  private final Drafts drafts;
  private final int[] readers;
  private final NormPatterns norms;

  /** Looks at drafts, of which each is read by so many others. */
  Patterns(Drafts drafts, int[] readers) {
    this.drafts = drafts;
    this.readers = readers;
    this.norms = new NormPatterns(drafts, readers);
  }

  void merge(Draft draft) {
    switch (draft.operation) {
      case Operation.Multiply m -> {
        notExpanded(draft);
        product(draft);
        if (draft.operation instanceof Operation.Multiply) {
          norms.divided(draft);
        }
        if (draft.operation instanceof Operation.Multiply) {
          norms.response(draft);
        }
      }
      case Operation.Divide d -> norms.divided(draft);
      case WithConstant c -> {
        withConstant(draft, c);
        if (draft.operation.equals(c)) {
          norms.affine(draft, c);
        }
      }
      case Operation.Reshape r -> {
        shuffle(draft);
        if (draft.operation instanceof Operation.Reshape) {
          norms.joined(draft);
        }
      }
      case Convolution c -> padded(draft, c);
      case AveragePool p -> padded(draft, p);
      default -> {
        // nothing to merge
      }
    }
  }

  private Draft input(Draft draft, int place) {
    return drafts.get(draft.inputs.get(place));
  }

  private static void become(Draft draft, Operation operation, String operator, int source) {
    draft.operation = operation;
    draft.operator = operator;
    draft.inputs = List.of(source);
  }

  private static Activation function(Function function) {
    return new Activation(function, 0, 0, null);
  }

  /** A product repeats a factor by itself. */
  private void notExpanded(Draft draft) {
    for (int place = 0; place < 2; place++) {
      Draft factor = input(draft, place);
      boolean isWhole = Objects.equals(input(draft, 1 - place).shape, draft.shape);
      if (factor.operation instanceof Operation.Expand && isWhole) {
        List<Integer> inputs = new ArrayList<>(draft.inputs);
        inputs.set(place, factor.inputs.getFirst());
        draft.inputs = inputs;
      }
    }
  }

  /** x sigmoid(x), x hardsigmoid(x), x tanh(softplus(x)), x (1 + erf(x / sqrt 2)). */
  private void product(Draft draft) {
    for (int place = 0; place < 2; place++) {
      Draft gate = input(draft, place);
      int x = draft.inputs.get(1 - place);
      if (gate.operation instanceof Activation a && gate.inputs.getFirst() == x) {
        if (a.function() == Function.SIGMOID) {
          become(draft, function(Function.SILU), "Silu", x);
          return;
        }
        if (isHardSigmoid(a)) {
          become(draft, function(Function.HARD_SWISH), "HardSwish", x);
          return;
        }
      }
      if (isSoftTanh(gate, x)) {
        become(draft, function(Function.MISH), "Mish", x);
        return;
      }
      if (dropped(draft, x, gate, 1)) {
        return;
      }
      Integer gelu = gelu(gate, drafts.get(x));
      if (gelu != null) {
        become(draft, function(Function.GELU), "Gelu", gelu);
        return;
      }
    }
  }

  /**
   * What is drawn to be kept, over its chance, times x: dropout, or where a picture has one value,
   * stochastic depth. The chance may divide either of them, or the product.
   */
  private boolean dropped(Draft draft, int x, Draft gate, double factor) {
    Draft source = drafts.get(x);
    if (gate.operation instanceof WithConstant c && c.arithmetic() == Arithmetic.OVER) {
      return dropped(draft, x, input(gate, 0), factor / c.number());
    }
    if (!(gate.operation instanceof Operation.Random r)
        || r.chance() != Operation.Chance.ONE_OR_ZERO) {
      return false;
    }
    double scale = factor * r.number();
    if (source.operation instanceof WithConstant c && isTimes(c, 1 / r.number()) && !is(scale, 1)) {
      return dropped(draft, source.inputs.getFirst(), gate, 1 / r.number());
    }
    Shape shape = gate.shape;
    Shape whole = draft.shape;
    boolean byPicture = shape != null && shape.values() != null && shape.values() == 1;
    boolean isWhole = shape != null && shape.equals(whole);
    // In decimals, as people write it.
    double rate = Math.rint((1 - r.number()) * 1e6) / 1e6;
    if (!is(scale, 1) || !(byPicture || isWhole) || !(rate >= 0 && rate < 1)) {
      return false;
    }
    Operation dropout = new Operation.Dropout((float) rate, byPicture);
    become(draft, dropout, byPicture ? "StochasticDepth" : "Dropout", x);
    return true;
  }

  /** Whether a draft is tanh(softplus(x)). */
  private boolean isSoftTanh(Draft gate, int x) {
    boolean isTanh = gate.operation instanceof Activation a && a.function() == Function.TANH;
    Draft soft = isTanh ? input(gate, 0) : null;
    return soft != null
        && soft.operation instanceof Operation.Part p
        && p.operator().equals("Softplus")
        && soft.inputs.getFirst() == x;
  }

  private static boolean isHardSigmoid(Activation a) {
    return a.function() == Function.HARD_SIGMOID && is(a.alpha(), 1.0 / 6) && is(a.beta(), 0.5);
  }

  private static boolean is(double number, double wanted) {
    return Math.abs(number - wanted) <= 1e-3 * Math.abs(wanted);
  }

  private static boolean isTimes(Operation operation, double factor) {
    return operation instanceof WithConstant c
        && ((c.arithmetic() == Arithmetic.TIMES && is(c.number(), factor))
            || (c.arithmetic() == Arithmetic.OVER && is(c.number(), 1 / factor)));
  }

  private static boolean isPlus(Operation operation, double summand) {
    return operation instanceof WithConstant c
        && c.arithmetic() == Arithmetic.PLUS
        && is(c.number(), summand);
  }

  /** The argument x of (1 + erf(x / sqrt 2)) (x / 2), halved here or there, or null. */
  private @Nullable Integer gelu(Draft one, Draft half) {
    if (isTimes(one.operation, 0.5) && isPlus(input(one, 0).operation, 1)) {
      Integer x = erf(input(one, 0));
      return x != null && x == half.id ? x : null;
    }
    if (!isPlus(one.operation, 1) || !isTimes(half.operation, 0.5)) {
      return null;
    }
    Integer x = erf(one);
    return x != null && half.inputs.getFirst().equals(x) ? x : null;
  }

  private @Nullable Integer erf(Draft one) {
    Draft erf = input(one, 0);
    boolean isErf = erf.operation instanceof Operation.Part p && p.operator().equals("Erf");
    Draft scaled = isErf ? input(erf, 0) : null;
    return scaled != null && isTimes(scaled.operation, Math.sqrt(0.5))
        ? scaled.inputs.getFirst()
        : null;
  }

  private void withConstant(Draft draft, WithConstant constant) {
    Draft before = input(draft, 0);
    if (isTimes(constant, 1.0 / 6)) {
      sixth(draft, before);
    } else if (isTimes(constant, 0.5) && before.operation instanceof Operation.Multiply) {
      for (int place = 0; place < 2; place++) {
        Draft one = input(before, place);
        Integer x = isPlus(one.operation, 1) ? erf(one) : null;
        if (x != null && before.inputs.get(1 - place).equals(x)) {
          become(draft, function(Function.GELU), "Gelu", x);
          return;
        }
      }
    } else if (constant.arithmetic() == Arithmetic.PLUS && constant.constant() != null) {
      bias(draft, before, constant.constant());
    }
  }

  /** clip(x + 3, 0, 6) / 6 and x clip(x + 3, 0, 6) / 6, as exporters wrote before opset 14. */
  private void sixth(Draft draft, Draft before) {
    Integer x = clipped(before);
    if (x != null) {
      become(draft, new Activation(Function.HARD_SIGMOID, 1.0 / 6, 0.5, null), "HardSigmoid", x);
      return;
    }
    if (before.operation instanceof Operation.Multiply) {
      for (int place = 0; place < 2; place++) {
        Integer gated = clipped(input(before, place));
        if (gated != null && before.inputs.get(1 - place).equals(gated)) {
          become(draft, function(Function.HARD_SWISH), "HardSwish", gated);
          return;
        }
      }
    }
  }

  /** The x of clip(x + 3, 0, 6), or null if it is none. */
  private @Nullable Integer clipped(Draft draft) {
    boolean isClip =
        draft.operation instanceof Activation a
            && a.function() == Function.CLIP
            && a.alpha() == 0
            && is(a.beta(), 6);
    Draft sum = isClip ? input(draft, 0) : null;
    return sum != null && isPlus(sum.operation, 3) ? sum.inputs.getFirst() : null;
  }

  /** A sum behind a convolution or product without bias is its bias. */
  private void bias(Draft draft, Draft before, Weight weight) {
    if (readers[before.id] != 1) {
      return;
    }
    long[] dims = weight.dims();
    if (before.operation instanceof Dense dense && dense.bias() == null) {
      boolean fits = dims.length > 0 && dims[dims.length - 1] == dense.weight().dims()[0];
      Weight list = weight.reshaped(new long[] {weight.elements()});
      if (fits && list != null && list.elements() == dense.weight().dims()[0]) {
        take(draft, before, new Dense(dense.weight(), list));
      }
    } else if (before.operation instanceof Convolution c && c.bias() == null) {
      Weight list = weight.reshaped(new long[] {weight.elements()});
      boolean fits = PointwiseRules.isChannel(dims) && weight.elements() == c.weight().dims()[0];
      if (fits && list != null) {
        take(draft, before, new Convolution(c.window(), c.groups(), c.weight(), list));
      }
    }
  }

  private static void take(Draft draft, Draft before, Operation operation) {
    draft.scope = before.scope;
    become(draft, operation, before.operator, before.inputs.getFirst());
  }

  /** N,C,H,W to N,g,C/g,H,W, the two turned, and back. */
  private void shuffle(Draft draft) {
    Draft turned = input(draft, 0);
    Draft split = turned.operation instanceof Permute ? input(turned, 0) : null;
    if (split == null
        || !(turned.operation instanceof Permute permute)
        || !(split.operation instanceof Operation.Reshape)) {
      return;
    }
    Draft source = input(split, 0);
    Shape parts = split.shape;
    Shape from = source.shape;
    Shape to = draft.shape;
    int[] order = permute.order();
    if (parts == null || from == null || to == null || !from.isMap() || !from.equals(to)) {
      return;
    }
    boolean turnsGroups =
        order.length == 5
            && order[0] == 0
            && order[1] == 2
            && order[2] == 1
            && order[3] == 3
            && order[4] == 4
            && parts.extents().getFirst().equals(Extent.N)
            && parts.extents().get(3).equals(from.extents().get(2))
            && parts.extents().get(4).equals(from.extents().get(3));
    if (turnsGroups) {
      int groups = (int) parts.fixed(1);
      become(draft, new Operation.ChannelShuffle(groups), "ChannelShuffle", source.id);
    }
  }

  private void padded(Draft draft, Convolution convolution) {
    if (input(draft, 0).operation instanceof ZeroPad pad && isAround(pad)) {
      Window window = around(convolution.window(), pad);
      become(
          draft,
          new Convolution(window, convolution.groups(), convolution.weight(), convolution.bias()),
          draft.operator,
          input(draft, 0).inputs.getFirst());
    }
  }

  private void padded(Draft draft, AveragePool pool) {
    boolean takesAll = !pool.ceil() && (pool.countPadding() || pool.window().isPadded(0));
    if (takesAll && input(draft, 0).operation instanceof ZeroPad pad && isAround(pad)) {
      become(
          draft,
          new AveragePool(around(pool.window(), pad), false, true),
          draft.operator,
          input(draft, 0).inputs.getFirst());
    }
  }

  private static boolean isAround(ZeroPad pad) {
    return pad.before() == 0 && pad.after() == 0;
  }

  private static Window around(Window window, ZeroPad pad) {
    return window.padded(pad.top(), pad.left(), pad.bottom(), pad.right());
  }
}
