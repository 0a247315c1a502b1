package dev.nibble.engine.exchange.onnx.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Known numbers picked, joined and repeated. */
final class ShapeArithmetic {
  private ShapeArithmetic() {}

  /** The extents from {@code start} to {@code end}, which came with opset 15. */
  static Constant part(Call call, Extent[] extents) {
    int rank = extents.length;
    long start = call.node().integer("start", 0);
    long end = call.node().integer("end", rank);
    int from = Math.clamp(start < 0 ? start + rank : start, 0, rank);
    int to = Math.clamp(end < 0 ? end + rank : end, 0, rank);
    return Constant.of(Numbers.list(Arrays.asList(extents).subList(from, Math.max(from, to))));
  }

  /** How many values these extents have; -1 if more than are folded. */
  static int count(Call call, long[] dims) {
    long count = 1;
    for (long extent : dims) {
      call.require(extent >= 0, "makes a tensor with a negative extent");
      if (extent != 0 && count > Constant.MOST / extent) {
        return -1;
      }
      count *= extent;
    }
    return (int) count;
  }

  static @Nullable Constant gather(Call call) {
    Numbers data = call.known(0).numbers();
    Numbers indices = call.known(1).numbers();
    long[] wanted = indices == null ? null : indices.longs();
    if (data == null || indices == null || wanted == null) {
      return null;
    }
    long[] dims = data.dims();
    call.require(dims.length > 0, "picks from a single number");
    int axis = call.axis(call.node().integer("axis", 0), dims.length);
    int inner = (int) Numbers.product(Arrays.copyOfRange(dims, axis + 1, dims.length));
    int outer = (int) Numbers.product(Arrays.copyOf(dims, axis));
    List<Long> shape = new ArrayList<>();
    IntStream.range(0, axis).forEach(i -> shape.add(dims[i]));
    Arrays.stream(indices.dims()).forEach(shape::add);
    IntStream.range(axis + 1, dims.length).forEach(i -> shape.add(dims[i]));
    long[] result = shape.stream().mapToLong(Long::longValue).toArray();
    if (count(call, result) < 0) {
      return null;
    }
    int[] places = new int[outer * wanted.length * inner];
    int at = 0;
    for (int o = 0; o < outer; o++) {
      for (long index : wanted) {
        long positive = index < 0 ? index + dims[axis] : index;
        call.require(positive >= 0 && positive < dims[axis], "picks beyond its input's end");
        for (int i = 0; i < inner; i++) {
          places[at++] = (int) ((o * dims[axis] + positive) * inner + i);
        }
      }
    }
    return Constant.of(data.picked(result, places));
  }

  static @Nullable Constant slice(Call call) {
    Numbers data = call.known(0).numbers();
    Slicing slicing = Slicing.of(call, call.known(0).rank());
    if (data == null || slicing == null) {
      return null;
    }
    long[] dims = data.dims();
    int[] places = IntStream.range(0, data.count()).toArray();
    for (int i = 0; i < slicing.axes().length; i++) {
      int axis = slicing.axes()[i];
      Slicing.Indices indices = slicing.indices(i, dims[axis]);
      int taken = (int) indices.count();
      int inner = (int) Numbers.product(Arrays.copyOfRange(dims, axis + 1, dims.length));
      int outer = (int) Numbers.product(Arrays.copyOf(dims, axis));
      int[] kept = new int[outer * taken * inner];
      int at = 0;
      for (int o = 0; o < outer; o++) {
        for (int t = 0; t < taken; t++) {
          for (int k = 0; k < inner; k++) {
            kept[at++] = places[(int) ((o * dims[axis] + indices.get(t)) * inner + k)];
          }
        }
      }
      places = kept;
      dims[axis] = taken;
    }
    return Constant.of(data.picked(dims, places));
  }

  /** Only of lists, which is all that shapes need. */
  static @Nullable Constant concat(Call call) {
    List<Extent> wholes = new ArrayList<>();
    List<Double> reals = new ArrayList<>();
    boolean isReal = false;
    for (int i = 0; i < call.node().inputs().size(); i++) {
      Numbers part = call.known(i).numbers();
      if (part == null || part.rank() != 1 || wholes.size() + reals.size() > Constant.MOST) {
        return null;
      }
      isReal |= part.isReal();
      double[] values = part.isReal() ? part.reals() : null;
      if (values != null) {
        Arrays.stream(values).forEach(reals::add);
      } else {
        wholes.addAll(Arrays.asList(part.wholes()));
      }
    }
    if (!isReal) {
      return Constant.of(Numbers.list(wholes));
    }
    double[] values = reals.stream().mapToDouble(Double::doubleValue).toArray();
    return wholes.isEmpty() ? Constant.of(Numbers.real(new long[] {values.length}, values)) : null;
  }

  static @Nullable Constant range(Call call) {
    double[] given = new double[3];
    boolean isReal = false;
    for (int i = 0; i < 3; i++) {
      Numbers number = call.known(i).numbers();
      double[] one = number == null || number.count() != 1 ? null : number.reals();
      if (number == null || one == null) {
        return null;
      }
      given[i] = one[0];
      isReal |= number.isReal();
    }
    double count = Math.ceil((given[1] - given[0]) / given[2]);
    if (!(count <= Constant.MOST)) {
      return null;
    }
    int size = (int) Math.max(0, count);
    double[] values = IntStream.range(0, size).mapToDouble(i -> given[0] + i * given[2]).toArray();
    long[] dims = {size};
    return Constant.of(
        isReal
            ? Numbers.real(dims, values)
            : Numbers.whole(dims, Arrays.stream(values).mapToLong(v -> (long) v).toArray()));
  }

  static @Nullable Constant expand(Call call) {
    Numbers data = call.known(0).numbers();
    Numbers shape = call.known(1).numbers();
    long[] wanted = shape == null ? null : shape.longs();
    if (data == null || wanted == null) {
      return null;
    }
    long[] dims = ElementArithmetic.common(call, data.dims(), wanted);
    return count(call, dims) < 0
        ? null
        : Constant.of(data.picked(dims, Numbers.broadcast(data.dims(), dims)));
  }
}
