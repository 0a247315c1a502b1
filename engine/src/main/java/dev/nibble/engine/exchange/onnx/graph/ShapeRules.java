package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.graph.Operation.ChannelSlice;
import dev.nibble.engine.exchange.onnx.graph.Operation.GlobalAverage;
import dev.nibble.engine.exchange.onnx.graph.Operation.Permute;
import dev.nibble.engine.exchange.onnx.graph.Operation.Reshape;
import dev.nibble.engine.exchange.onnx.graph.Operation.Softmax;
import dev.nibble.engine.exchange.onnx.graph.Operation.ZeroPad;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What moves values without computing, and reductions. */
final class ShapeRules {
  private static final long MOST_PADDING = 1 << 20;

  private final Drafts drafts;
  private final SamplingRules sampling;

  ShapeRules(Drafts drafts, SamplingRules sampling) {
    this.drafts = drafts;
    this.sampling = sampling;
  }

  /** Shape and Size of what depends on the pictures: known but for the batch. */
  Value shape(Call call) {
    Shape shape = call.shape(0);
    if (call.node().operator().equals("Shape")) {
      return ShapeArithmetic.part(call, shape.extents().toArray(Extent[]::new));
    }
    Long values = shape.values();
    if (values == null) {
      throw new UnsupportedException("reads %s".formatted(shape));
    }
    Extent size = shape.isBatched() ? new Extent(0, values) : Extent.of(values);
    return Constant.of(Numbers.whole(new long[0], size));
  }

  Value reshape(Call call) {
    Shape in = call.shape(0);
    Extent[] target = Reshaping.target(call, in.extents());
    if (target == null) {
      throw new UnsupportedException("makes a shape that depends on the pictures");
    }
    return reshaped(call, call.computed(0), new Shape(List.of(target)));
  }

  Value expand(Call call) {
    Shape in = call.shape(0);
    Constant shape = call.known(1);
    Numbers numbers = shape.numbers();
    if (numbers == null || numbers.isReal() || numbers.count() > in.rank()) {
      throw new UnsupportedException("repeats values along new axes");
    }
    Shape out = in;
    for (int i = 1; i <= numbers.count(); i++) {
      int axis = in.rank() - i;
      Extent wanted = numbers.wholes()[numbers.count() - i];
      Extent own = in.extents().get(axis);
      boolean isBatch = call.batch() > 0 && wanted.equals(Extent.of(call.batch()));
      boolean isSame =
          wanted.equals(own)
              || wanted.equals(Extent.of(1))
              || (isBatch && own.equals(Extent.N) && axis == 0);
      if (!isSame && !own.equals(Extent.of(1))) {
        throw new UnsupportedException("repeats an axis that is longer than 1");
      }
      out = isSame ? out : out.with(axis, wanted);
    }
    return out.equals(in)
        ? call.computed(0)
        : drafts.add(call.node(), new Operation.Expand(), out, call.computed(0).id());
  }

  Value transpose(Call call) {
    Shape in = call.shape(0);
    int[] order = Folding.order(call, in.rank());
    Shape out = new Shape(Arrays.stream(order).mapToObj(in.extents()::get).toList());
    boolean isSame = true;
    for (int axis = 0; axis < order.length; axis++) {
      isSame &= order[axis] == axis;
    }
    return isSame
        ? call.computed(0)
        : drafts.add(call.node(), new Permute(order), out, call.computed(0).id());
  }

  Value concat(Call call) {
    int count = call.node().inputs().size();
    Shape first = call.shape(0);
    int axis = call.axis(call.node().integer("axis", 1), first.rank());
    Extent sum = Extent.of(0);
    int[] inputs = new int[count];
    for (int i = 0; i < count; i++) {
      Shape shape = call.shape(i);
      inputs[i] = call.computed(i).id();
      call.require(
          shape.rank() == first.rank()
              && shape.with(axis, Extent.of(1)).equals(first.with(axis, Extent.of(1))),
          "joins %s and %s, which differ in other axes".formatted(first, shape));
      sum = sum.plus(shape.extents().get(axis));
    }
    if (count == 1) {
      return call.computed(0);
    }
    if (axis != 1) {
      throw new UnsupportedException("joins axis %d, but channels are supported".formatted(axis));
    }
    return drafts.add(call.node(), new Operation.Concatenate(), first.with(axis, sum), inputs);
  }

  List<Value> split(Call call) {
    Shape in = call.shape(0);
    int axis = call.axis(call.node().integer("axis", 0), in.rank());
    int parts = call.node().outputs().size();
    call.require(parts > 0, "gives nothing");
    long length = in.fixed(axis);
    long[] sizes = call.integers("split", 1);
    if (axis != 1) {
      throw new UnsupportedException("cuts axis %d, but channels are supported".formatted(axis));
    }
    if (sizes == null) {
      if (call.isGiven("split", 1)) {
        throw new UnsupportedException("has sizes that depend on the pictures");
      }
      long each = Math.ceilDiv(length, parts);
      sizes = new long[parts];
      Arrays.fill(sizes, each);
      sizes[parts - 1] = length - each * (parts - 1);
    }
    List<Value> slices = new ArrayList<>();
    long from = 0;
    call.require(sizes.length == parts, "has other sizes than outputs");
    for (long size : sizes) {
      call.require(size >= 1 && size <= length - from, "cuts more channels than there are");
      slices.add(slice(call, in, from, from + size));
      from += size;
    }
    call.require(from == length, "does not cut all channels");
    return slices;
  }

  Value slice(Call call) {
    Shape in = call.shape(0);
    Slicing slicing = Slicing.of(call, in.rank());
    if (slicing == null) {
      throw new UnsupportedException("cuts where it depends on the pictures");
    }
    long from = 0;
    long to = in.rank() > 1 ? in.fixed(1) : 0;
    int[][] pixels = new int[2][];
    for (int i = 0; i < slicing.axes().length; i++) {
      int axis = slicing.axes()[i];
      boolean isWhole =
          slicing.starts()[i] == 0
              && slicing.steps()[i] == 1
              && slicing.ends()[i] >= Integer.MAX_VALUE;
      if (axis == 1 && slicing.steps()[i] == 1) {
        Slicing.Indices indices = slicing.indices(i, in.fixed(1));
        call.require(indices.count() > 0, "leaves nothing");
        from = indices.from();
        to = from + indices.count();
      } else if (!isWhole && !keepsAll(slicing, i, in)) {
        if (!in.isMap() || axis < 2) {
          throw new UnsupportedException("cuts other axes than channels and pixels");
        }
        Slicing.Indices indices = slicing.indices(i, in.fixed(axis));
        call.require(indices.count() > 0, "leaves nothing");
        pixels[axis - 2] =
            IntStream.range(0, (int) indices.count()).map(k -> (int) indices.get(k)).toArray();
      }
    }
    if (pixels[0] == null && pixels[1] == null) {
      return slice(call, in, from, to);
    }
    if (from > 0 || to < in.fixed(1)) {
      throw new UnsupportedException("cuts channels and pixels at once");
    }
    return sampling.picked(call, in, pixels[0], pixels[1]);
  }

  private static boolean keepsAll(Slicing slicing, int i, Shape in) {
    Extent extent = in.extents().get(slicing.axes()[i]);
    return extent.isFixed()
        && slicing.steps()[i] == 1
        && slicing.indices(i, extent.fixed()).count() == extent.fixed();
  }

  private Value slice(Call call, Shape in, long from, long to) {
    if (from == 0 && to == in.fixed(1)) {
      return call.computed(0);
    }
    return drafts.add(
        call.node(),
        new ChannelSlice((int) from, (int) to),
        in.with(1, Extent.of(to - from)),
        call.computed(0).id());
  }

  Value pad(Call call) {
    Shape in = call.map(0);
    String mode = call.node().text("mode", "constant");
    long[] given = call.integers("pads", 1);
    if (given == null) {
      throw new UnsupportedException("pads by what depends on the pictures");
    }
    long[] axes = call.isGiven("axes", 3) ? call.integers("axes", 3) : new long[] {0, 1, 2, 3};
    call.require(axes != null && given.length == 2 * axes.length, "has pads for other axes");
    long[] before = new long[4];
    long[] after = new long[4];
    for (int i = 0; axes != null && i < axes.length; i++) {
      int axis = call.axis(axes[i], 4);
      before[axis] = given[i];
      after[axis] = given[axes.length + i];
    }
    boolean isNone = Arrays.stream(given).allMatch(p -> p == 0);
    if (isNone) {
      return call.computed(0);
    }
    if (List.of("reflect", "edge", "wrap").contains(mode)) {
      return sampling.pad(call, in, mode, before, after);
    }
    if (!mode.equals("constant") || call.real("value", 2, 0) != 0) {
      throw new UnsupportedException("pads by other values than zeros");
    }
    for (int axis = 0; axis < 4; axis++) {
      if (before[axis] < 0 || after[axis] < 0 || (axis == 0 && before[0] + after[0] > 0)) {
        throw new UnsupportedException("crops, or pads the batch");
      }
      call.require(
          before[axis] <= MOST_PADDING && after[axis] <= MOST_PADDING, "has a huge padding");
    }
    Operation operation =
        new ZeroPad(
            (int) before[2],
            (int) before[3],
            (int) after[2],
            (int) after[3],
            (int) before[1],
            (int) after[1]);
    Shape out =
        Shape.map(
            in.channels() + before[1] + after[1],
            in.height() + before[2] + after[2],
            in.width() + before[3] + after[3]);
    return drafts.add(call.node(), operation, out, call.computed(0).id());
  }

  /** Of two changes of the shape one after the other the second is enough. */
  private Value reshaped(Call call, Value.Computed x, Shape out) {
    Draft draft = drafts.get(x.id());
    boolean isReshaped = draft.operation instanceof Reshape;
    Draft source = isReshaped ? drafts.get(draft.inputs.getFirst()) : draft;
    return out.equals(source.shape)
        ? new Value.Computed(source.id, source.shape)
        : drafts.add(call.node(), new Reshape(), out, source.id);
  }

  /** The mean over height, width or both, which exporters write for global pooling. */
  Value reduceMean(Call call) {
    return reduced(call, true);
  }

  /** The maximum over them. */
  Value reduceMax(Call call) {
    return reduced(call, false);
  }

  Value globalMax(Call call) {
    Shape in = call.map(0);
    return drafts.add(
        call.node(),
        pooled(in, in.height(), in.width(), false),
        Shape.map(in.channels(), 1, 1),
        call.computed(0).id());
  }

  private static Operation pooled(Shape in, int height, int width, boolean isMean) {
    Window window = new Window(height, width, 1, 1, 0, 0, 0, 0, 1, 1);
    if (!isMean) {
      return new Operation.MaxPool(window, false);
    }
    return height == in.height() && width == in.width()
        ? new GlobalAverage()
        : new Operation.AveragePool(window, false, true);
  }

  private Value reduced(Call call, boolean isMean) {
    Shape in = call.shape(0);
    boolean[] seen = new boolean[in.rank()];
    long[] axes = call.integers("axes", 1);
    if (axes != null) {
      for (long axis : axes) {
        seen[call.axis(axis, in.rank())] = true;
      }
    }
    Value.Computed source = call.computed(0);
    boolean overRows = in.isMap() && seen[2];
    boolean overColumns = in.isMap() && seen[3];
    if (in.rank() == 3 && seen[2]) {
      // All pixels in a row: what x.flatten(2) made of a map.
      Draft flattened = drafts.get(source.id());
      Draft map = flattened.operation instanceof Reshape ? input(flattened) : flattened;
      Shape shape = map.shape;
      if (shape != null && shape.isMap() && shape.extents().get(1).equals(in.extents().get(1))) {
        source = new Value.Computed(map.id, shape);
        overRows = true;
        overColumns = true;
      }
    }
    Shape map = source.shape();
    if (map == null || seen[0] || seen[1] || !(overRows || overColumns)) {
      if (isMean && !seen[0] && (in.isMap() || in.isFlat())) {
        return meanOver(call, in, seen);
      }
      throw new UnsupportedException(
          "takes the %s of other axes than height and width"
              .formatted(isMean ? "mean" : "maximum"));
    }
    int height = overRows ? map.height() : 1;
    int width = overColumns ? map.width() : 1;
    Shape small =
        Shape.map(map.channels(), overRows ? 1 : map.height(), overColumns ? 1 : map.width());
    Value.Computed pooled =
        drafts.add(call.node(), pooled(map, height, width, isMean), small, source.id());
    boolean keeps = call.node().integer("keepdims", 1) != 0;
    List<Extent> left = new ArrayList<>();
    for (int axis = 0; axis < in.rank(); axis++) {
      if (!seen[axis] || keeps) {
        left.add(seen[axis] ? Extent.of(1) : in.extents().get(axis));
      }
    }
    return reshaped(call, pooled, new Shape(left));
  }

  /** The mean over other axes of one picture, with or without their single index. */
  private Value meanOver(Call call, Shape in, boolean[] seen) {
    List<Integer> axes = new ArrayList<>();
    Shape small = in;
    List<Extent> left = new ArrayList<>();
    for (int axis = 0; axis < in.rank(); axis++) {
      if (seen[axis]) {
        axes.add(axis);
        small = small.with(axis, Extent.of(1));
      } else {
        left.add(in.extents().get(axis));
      }
    }
    if (axes.isEmpty()) {
      throw new UnsupportedException("takes the mean of all axes");
    }
    Value.Computed mean =
        drafts.add(call.node(), new Operation.MeanOver(axes), small, call.computed(0).id());
    boolean keeps = call.node().integer("keepdims", 1) != 0;
    return keeps ? mean : reshaped(call, mean, new Shape(left));
  }

  private Draft input(Draft draft) {
    return drafts.get(draft.inputs.getFirst());
  }

  Value softmax(Call call) {
    Shape in = call.shape(0);
    // Before opset 13 the axis cuts the shape in two, which comes to the same for N,C.
    int axis = call.axis(call.node().integer("axis", call.opset() < 13 ? 1 : -1), in.rank());
    if (!in.isFlat() || axis != 1) {
      throw new UnsupportedException("is taken over other axes than classes");
    }
    return drafts.add(
        call.node(),
        new Softmax(call.node().operator().equals("LogSoftmax")),
        in,
        call.computed(0).id());
  }
}
