package dev.nibble.engine.exchange.onnx.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The shapes that Reshape, Flatten, Squeeze and Unsqueeze make. */
final class Reshaping {
  private Reshaping() {}

  /** The new extents; null if they cannot be known. */
  static Extent @Nullable [] target(Call call, List<Extent> from) {
    return switch (call.node().operator()) {
      case "Reshape" -> reshape(call, from);
      case "Flatten" -> flatten(call, from);
      case "Squeeze" -> squeeze(call, from);
      default -> unsqueeze(call, from);
    };
  }

  private static Extent @Nullable [] flatten(Call call, List<Extent> from) {
    long given = call.node().integer("axis", 1);
    long axis = given < 0 ? given + from.size() : given;
    call.require(axis >= 0 && axis <= from.size(), "names an axis that its input does not have");
    Extent outer = product(from.subList(0, (int) axis));
    Extent inner = product(from.subList((int) axis, from.size()));
    return outer == null || inner == null ? null : new Extent[] {outer, inner};
  }

  private static @Nullable Extent product(List<Extent> extents) {
    Extent product = Extent.of(1);
    for (Extent extent : extents) {
      product = product == null ? null : product.times(extent);
    }
    return product;
  }

  private static Extent @Nullable [] squeeze(Call call, List<Extent> from) {
    long[] axes = call.isGiven("axes", 1) ? call.integers("axes", 1) : null;
    if (axes == null && call.isGiven("axes", 1)) {
      return null;
    }
    List<Extent> kept = new ArrayList<>();
    for (int axis = 0; axis < from.size(); axis++) {
      int own = axis;
      boolean isOne = from.get(axis).equals(Extent.of(1));
      boolean goes =
          axes == null
              ? isOne
              : Arrays.stream(axes).anyMatch(a -> call.axis(a, from.size()) == own);
      call.require(!goes || isOne, "drops an axis that is longer than 1");
      if (!goes) {
        kept.add(from.get(axis));
      }
    }
    return kept.toArray(Extent[]::new);
  }

  private static Extent @Nullable [] unsqueeze(Call call, List<Extent> from) {
    long[] axes = call.integers("axes", 1);
    if (axes == null) {
      return null;
    }
    int rank = from.size() + axes.length;
    call.require(rank <= 16, "makes more than 16 axes");
    boolean[] isNew = new boolean[rank];
    for (long axis : axes) {
      int place = call.axis(axis, rank);
      call.require(!isNew[place], "adds one axis twice");
      isNew[place] = true;
    }
    Extent[] result = new Extent[rank];
    int next = 0;
    for (int axis = 0; axis < rank; axis++) {
      result[axis] = isNew[axis] ? Extent.of(1) : from.get(next++);
    }
    return result;
  }

  private static Extent @Nullable [] reshape(Call call, List<Extent> from) {
    Constant shape = call.knownOrNull(1);
    Numbers numbers = shape == null ? null : shape.numbers();
    if (numbers == null) {
      return null;
    }
    Extent[] target = numbers.wholes().clone();
    call.require(target.length <= 16, "makes more than 16 axes");
    boolean keepsZero = call.node().integer("allowzero", 0) != 0;
    int open = -1;
    for (int axis = 0; axis < target.length; axis++) {
      if (target[axis].equals(Extent.of(0)) && !keepsZero) {
        call.require(axis < from.size(), "keeps an axis that its input does not have");
        target[axis] = from.get(axis);
      }
      if (target[axis].equals(Extent.of(-1))) {
        call.require(open < 0, "leaves two extents open");
        open = axis;
      }
    }
    Extent all = product(from);
    if (all == null) {
      return null;
    }
    readBatch(call, from, target, open);
    if (open >= 0) {
      target[open] = Extent.of(1);
      Extent others = product(Arrays.asList(target));
      if (others == null || others.equals(Extent.of(0))) {
        return null;
      }
      Extent rest = all.dividedBy(others);
      if (rest == null) {
        call.require(
            others.isFixed() && !all.isFixed(), "makes a shape of another size than its input");
        return null;
      }
      target[open] = rest;
    }
    Extent made = product(Arrays.asList(target));
    call.require(all.equals(made), "makes a shape of another size than its input");
    return target;
  }

  /**
   * A file that was exported for one batch has that batch's extent as a constant: where it stands
   * for the pictures, it is N again.
   */
  private static void readBatch(Call call, List<Extent> from, Extent[] target, int open) {
    boolean readsBatch =
        call.batch() > 0
            && target.length > 0
            && !from.isEmpty()
            && !from.getFirst().isFixed()
            && Arrays.stream(target).allMatch(Extent::isFixed)
            && open != 0
            && target[0].fixed() % call.batch() == 0;
    if (readsBatch) {
      target[0] = new Extent(0, target[0].fixed() / call.batch());
    }
  }
}
