package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.TensorData;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of the file, its axes in another order where the graph turns them; nothing is read
 * before it is asked for.
 *
 * @param name the name under which a layer reads it
 * @param tensor where its values are
 * @param stored extents of the values as they are stored
 * @param order which stored axis each axis is
 */
@SuppressWarnings("ArrayRecordComponent") // of this package and its neighbour; never compared
public record Weight(String name, TensorData tensor, long[] stored, int[] order) {
  static Weight of(TensorData tensor) {
    long[] dims = tensor.dims();
    return new Weight(tensor.name(), tensor, dims, IntStream.range(0, dims.length).toArray());
  }

  Weight named(String other) {
    return new Weight(other, tensor, stored, order);
  }

  /** Its extents as the graph sees them. */
  public long[] dims() {
    return Arrays.stream(order).mapToLong(axis -> stored[axis]).toArray();
  }

  /** Number of values. */
  public long elements() {
    return tensor.elements();
  }

  /** Whether values lie in the file in the order of its axes. */
  boolean isPlain() {
    return IntStream.range(0, order.length).allMatch(axis -> order[axis] == axis);
  }

  Weight transposed(int[] axes) {
    int[] turned = Arrays.stream(axes).map(axis -> order[axis]).toArray();
    return new Weight(name, tensor, stored, turned);
  }

  /** With other extents, or null if that is no mere change of the shape. */
  @Nullable Weight reshaped(long[] dims) {
    if (!isPlain()) {
      return null;
    }
    return new Weight(name, tensor, dims, IntStream.range(0, dims.length).toArray());
  }

  /** All values in the order of the axes; only for few, such as one a channel. */
  public double[] values() {
    return doubles();
  }

  /** All values in the order of the axes; only for few. */
  double[] doubles() {
    double[] plain = tensor.doubles(Constant.MOST);
    int[] from = places();
    return IntStream.range(0, plain.length).mapToDouble(i -> plain[from[i]]).toArray();
  }

  /** All values in the order of the axes; only for few. */
  long[] integers() {
    long[] plain = tensor.integers(Constant.MOST);
    int[] from = places();
    return IntStream.range(0, plain.length).mapToLong(i -> plain[from[i]]).toArray();
  }

  private int[] places() {
    return Numbers.turned(stored, order);
  }
}
