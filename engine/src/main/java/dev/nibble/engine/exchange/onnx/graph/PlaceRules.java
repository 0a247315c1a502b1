package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.Places;
import dev.nibble.engine.exchange.onnx.graph.Operation.Reshape;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A change of the shape as PyTorch's new exporter spells some (as_strided): all values in a row,
 * then a Gather by places that are computed of the number of pictures.
 */
final class PlaceRules {
  private final Drafts drafts;

  PlaceRules(Drafts drafts) {
    this.drafts = drafts;
  }

  /** Range from 0 to the number of pictures; null if the node is none. */
  @Nullable Value range(Call call) {
    boolean isRange = call.node().operator().equals("Range") && call.inputs().size() == 3;
    if (!isRange
        || !Extent.of(0).equals(one(call, 0))
        || !Extent.N.equals(one(call, 1))
        || !Extent.of(1).equals(one(call, 2))) {
      return null;
    }
    return add(call, new Places(1, new long[] {0}), new Shape(List.of(Extent.N)));
  }

  private static @Nullable Extent one(Call call, int place) {
    Constant constant = call.knownOrNull(place);
    Numbers numbers = constant == null ? null : constant.numbers();
    boolean isOne = numbers != null && !numbers.isReal() && numbers.count() == 1;
    return isOne && numbers != null ? numbers.wholes()[0] : null;
  }

  private Value add(Call call, Places places, Shape shape, int... inputs) {
    return drafts.add(call.node(), places, shape, inputs);
  }

  private @Nullable Places places(Call call, int place) {
    boolean isComputed =
        place < call.inputs().size() && call.inputs().get(place) instanceof Value.Computed;
    return isComputed && drafts.get(call.computed(place).id()).operation instanceof Places p
        ? p
        : null;
  }

  /** What a node makes of places, or picks by them; null if it does neither. */
  @Nullable Value of(Call call) {
    Places second = places(call, 1);
    boolean isFirst = second == null;
    Places places = second == null ? places(call, 0) : second;
    if (places == null) {
      return null;
    }
    return switch (call.node().operator()) {
      case "Unsqueeze", "Reshape", "Squeeze" -> isFirst ? reshaped(call, places) : null;
      case "Add", "Mul" -> joined(call, places, isFirst ? 0 : 1);
      case "Gather" -> isFirst ? null : gather(call, places);
      default -> null;
    };
  }

  private @Nullable Value reshaped(Call call, Places places) {
    Extent[] target = Reshaping.target(call, call.shape(0).extents());
    boolean isByPicture = target != null && target.length > 0 && target[0].equals(Extent.N);
    return isByPicture && target != null
        ? add(call, places, new Shape(List.of(target)), call.computed(0).id())
        : null;
  }

  /** Plus or times whole numbers, which are the same for every picture. */
  private @Nullable Value joined(Call call, Places places, int place) {
    Constant constant = call.knownOrNull(1 - place);
    Numbers numbers = constant == null ? null : constant.numbers();
    long[] values = numbers == null || numbers.isReal() ? null : numbers.longs();
    if (numbers == null || values == null || values.length == 0) {
      return null;
    }
    Shape shape = call.shape(place);
    Shape whole = PointwiseRules.common(shape, PointwiseRules.fixed(numbers.dims()));
    if (!whole.extents().getFirst().equals(Extent.N) || whole.rank() != shape.rank()) {
      return null;
    }
    if (call.node().operator().equals("Mul")) {
      if (values.length > 1) {
        return null;
      }
      long[] offsets =
          Arrays.stream(places.offsets()).map(v -> Math.multiplyExact(v, values[0])).toArray();
      long stride = Math.multiplyExact(places.stride(), values[0]);
      return add(call, new Places(stride, offsets), whole, call.computed(place).id());
    }
    long[] dims = ofPicture(whole);
    if (ShapeArithmetic.count(call, dims) < 0) {
      return null;
    }
    int[] a = Numbers.broadcast(ofPicture(shape), dims);
    int[] b = Numbers.broadcast(numbers.dims(), dims);
    long[] offsets = new long[a.length];
    for (int i = 0; i < a.length; i++) {
      offsets[i] = Math.addExact(places.offsets()[a[i]], values[b[i]]);
    }
    return add(call, new Places(places.stride(), offsets), whole, call.computed(place).id());
  }

  /** The extents of one picture's part. */
  private static long[] ofPicture(Shape shape) {
    return shape.extents().stream().mapToLong(e -> e.isFixed() ? e.fixed() : 1).toArray();
  }

  /** All of a picture's values in their order: another shape of the same. */
  private @Nullable Value gather(Call call, Places places) {
    Draft row = drafts.get(call.computed(0).id());
    Shape all = call.shape(0);
    Long values = all.rank() == 1 ? all.values() : null;
    boolean isAll =
        values != null
            && all.isBatched()
            && places.stride() == values
            && places.offsets().length == values
            && call.axis(call.node().integer("axis", 0), 1) == 0;
    for (int i = 0; isAll && i < places.offsets().length; i++) {
      isAll = places.offsets()[i] == i;
    }
    if (!isAll) {
      throw new UnsupportedException("picks other values than all of a picture in their order");
    }
    Shape out = call.shape(1);
    Draft source = row.operation instanceof Reshape ? drafts.get(row.inputs.getFirst()) : row;
    return out.equals(source.shape)
        ? new Value.Computed(source.id, source.shape)
        : drafts.add(call.node(), new Reshape(), out, source.id);
  }
}
