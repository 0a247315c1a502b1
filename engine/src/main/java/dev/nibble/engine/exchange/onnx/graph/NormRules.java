package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.GroupNorm;
import dev.nibble.engine.exchange.onnx.graph.Operation.LayerNorm;
import dev.nibble.engine.exchange.onnx.model.TensorData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Layer, group and instance norm. */
final class NormRules {
  private final Drafts drafts;

  NormRules(Drafts drafts) {
    this.drafts = drafts;
  }

  Value layer(Call call) {
    Shape in = call.shape(0);
    int axis = call.axis(call.node().integer("axis", -1), in.rank());
    if (axis != in.rank() - 1 || axis == 0) {
      throw new UnsupportedException("normalises several axes, but channels are supported");
    }
    Weight scale = list(call, 1, in.fixed(axis));
    Weight shift = list(call, 2, in.fixed(axis));
    float epsilon = epsilon(call);
    Operation operation =
        in.isFlat()
            ? new GroupNorm(1, true, epsilon, scale, shift)
            : new LayerNorm(axis, epsilon, scale, shift);
    return drafts.add(call.node(), operation, in, call.computed(0).id());
  }

  /** Groups of a map's channels; before opset 21, scale and shift are those of the groups. */
  Value group(Call call) {
    Shape in = call.map(0);
    long groups = call.node().integer("num_groups", 0);
    call.require(
        groups >= 1 && groups <= in.channels() && in.channels() % groups == 0,
        "has groups that do not divide its channels");
    int width = (int) (in.channels() / groups);
    Weight scale = call.optionalWeight(1);
    boolean isByGroup = scale != null && scale.elements() == groups && width > 1;
    long values = isByGroup ? groups : in.channels();
    return drafts.add(
        call.node(),
        new GroupNorm(
            (int) groups,
            false,
            epsilon(call),
            repeated(list(call, 1, values), isByGroup ? width : 1),
            repeated(list(call, 2, values), isByGroup ? width : 1)),
        in,
        call.computed(0).id());
  }

  /** Of a map, every channel by itself; of N,groups,values, what PyTorch makes of a group norm. */
  Value instance(Call call) {
    Shape in = call.shape(0);
    call.require(in.rank() >= 3, "reads fewer than three axes");
    boolean isKnown = in.extents().get(1).isFixed();
    if (!isKnown || (!in.isMap() && in.rank() != 3)) {
      throw new UnsupportedException("reads %s, but maps N,C,H,W are supported".formatted(in));
    }
    long groups = in.fixed(1);
    Weight scale = list(call, 1, groups);
    Weight shift = list(call, 2, groups);
    if (in.rank() == 3 && isAll(scale, 1) && isAll(shift, 0)) {
      scale = null;
      shift = null;
    }
    return drafts.add(
        call.node(),
        new GroupNorm((int) groups, false, epsilon(call), scale, shift),
        in,
        call.computed(0).id());
  }

  /** Along the axes of pixels, which are kept with one index; a part of global response norm. */
  Value length(Call call) {
    Shape in = call.map(0);
    long[] axes = call.integers("axes", 1);
    if (axes == null || axes.length == 0 || call.node().integer("keepdims", 1) == 0) {
      throw new UnsupportedException("is taken over all axes, or drops some");
    }
    Shape out = in;
    List<Integer> over = new ArrayList<>();
    for (long given : axes) {
      int axis = call.axis(given, in.rank());
      if (axis == 0) {
        throw new UnsupportedException("is taken over several pictures");
      }
      over.add(axis);
      out = out.with(axis, Extent.of(1));
    }
    Collections.sort(over);
    return drafts.add(call.node(), new Operation.LengthOver(over), out, call.computed(0).id());
  }

  private static float epsilon(Call call) {
    float epsilon = call.node().real("epsilon", 1e-5f);
    if (!(epsilon > 0)) {
      throw new UnsupportedException("has an epsilon that is not above 0");
    }
    return epsilon;
  }

  /** A weight of so many values, or null if it is left out. */
  private static @Nullable Weight list(Call call, int place, long values) {
    Weight weight = call.optionalWeight(place);
    if (weight == null) {
      return null;
    }
    call.require(weight.elements() == values, "has parameters that are not one value a channel");
    Weight list = weight.reshaped(new long[] {values});
    if (list == null) {
      throw new UnsupportedException("reads parameters whose axes are turned");
    }
    return list;
  }

  private static boolean isAll(@Nullable Weight weight, double number) {
    return weight == null
        || (weight.elements() <= Constant.MOST
            && Arrays.stream(weight.values()).allMatch(v -> v == number));
  }

  /** Each value so many times; null for null. */
  static @Nullable Weight repeated(@Nullable Weight weight, int times) {
    if (weight == null || times == 1) {
      return weight;
    }
    double[] values = weight.values();
    double[] all = new double[values.length * times];
    for (int i = 0; i < all.length; i++) {
      all[i] = values[i / times];
    }
    return Weight.of(TensorData.of(weight.name(), new long[] {all.length}, all));
  }
}
