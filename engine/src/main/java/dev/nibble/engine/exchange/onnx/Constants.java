package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.onnx.graph.Operation.Arithmetic;
import dev.nibble.engine.exchange.onnx.graph.Operation.WithConstant;
import dev.nibble.engine.exchange.onnx.graph.Shape;
import dev.nibble.engine.exchange.onnx.graph.Weight;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A tensor joined to a constant, as {@code factor * x + summand} with a value a channel: what a
 * depthwise convolution of one pixel computes.
 *
 * @param factor a value a channel
 * @param summand a value a channel; null where nothing is added
 */
@SuppressWarnings("ArrayRecordComponent") // handed on; nobody compares such records
record Constants(float[] factor, float @Nullable [] summand) {
  /** The values, or null if the constant is neither one number nor one a channel. */
  static @Nullable Constants of(WithConstant joined, Shape shape) {
    double[] constant = constant(joined, shape);
    if (constant == null || joined.arithmetic() == Arithmetic.INVERSE) {
      return null;
    }
    float[] factor = new float[constant.length];
    float[] summand = new float[constant.length];
    Arrays.fill(factor, 1);
    boolean isSum = true;
    for (int c = 0; c < factor.length; c++) {
      switch (joined.arithmetic()) {
        case PLUS -> summand[c] = (float) constant[c];
        case MINUS -> summand[c] = (float) -constant[c];
        case FROM -> {
          factor[c] = -1;
          summand[c] = (float) constant[c];
        }
        case TIMES -> {
          factor[c] = (float) constant[c];
          isSum = false;
        }
        default -> {
          factor[c] = (float) (1 / constant[c]);
          isSum = false;
        }
      }
    }
    return new Constants(factor, isSum ? summand : null);
  }

  private static double @Nullable [] constant(WithConstant joined, Shape shape) {
    int channels = shape.channels();
    double[] values = new double[channels];
    Weight weight = joined.constant();
    if (!Double.isNaN(joined.number())) {
      Arrays.fill(values, joined.number());
      return values;
    }
    return weight == null ? null : perChannel(weight, channels, shape.isMap());
  }

  private static double @Nullable [] perChannel(Weight weight, int channels, boolean isMap) {
    long[] dims = weight.dims();
    int axis = dims.length - (isMap ? 3 : 1);
    for (int i = 0; i < dims.length; i++) {
      if (i != axis && dims[i] != 1) {
        return null;
      }
    }
    boolean fits = axis >= 0 && dims[axis] == channels;
    return fits ? weight.values() : null;
  }
}
