package dev.nibble.engine.network;

import org.jspecify.annotations.Nullable;

/**
 * A named tensor of a network, and where it lies in the network's flat buffers.
 *
 * @param name the name in files, such as {@code stem.weight}
 * @param kind what it is
 * @param shape axes as files have them: convolution O,I,H,W (depthwise C,1,H,W), dense O,I, else C
 * @param offset index of its first value: in the weights' buffer if trainable, else in the state's
 * @param size number of values
 * @param order the place in memory of each channel (of a dense layer: of each input) where a map
 *     was flattened before it; null where they lie in the file's order
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out; nobody compares such records
public record Parameter(
    String name, Kind kind, int[] shape, int offset, int size, int @Nullable [] order) {

  /** What a parameter is; decides its axes, its initial value and its weight decay. */
  public enum Kind {
    /** Convolution weights: in memory k x k x C_in x C_out. */
    CONVOLUTION,
    /** Depthwise convolution weights: in memory k x k x C. */
    DEPTHWISE,
    /** Dense weights: in memory C_in x C_out. */
    DENSE,
    /** Bias of a convolution or dense layer. */
    BIAS,
    /** Batch norm's or group norm's scale, gamma. */
    SCALE,
    /** Batch norm's or group norm's shift, beta. */
    SHIFT,
    /** PReLU's slopes. */
    SLOPE,
    /** Batch norm's running mean: state, not trained. */
    RUNNING_MEAN,
    /** Batch norm's running variance: state, not trained. */
    RUNNING_VARIANCE;

    /** Whether the optimiser changes it. */
    public boolean trainable() {
      return this != RUNNING_MEAN && this != RUNNING_VARIANCE;
    }

    /** Whether weight decay applies: to convolution and dense weights only. */
    public boolean decayed() {
      return this == CONVOLUTION || this == DEPTHWISE || this == DENSE;
    }
  }

  /** Copies the arrays. */
  public Parameter {
    shape = shape.clone();
    order = order == null ? null : order.clone();
  }

  @Override
  public int @Nullable [] order() {
    return order == null ? null : order.clone();
  }

  @Override
  public int[] shape() {
    return shape.clone();
  }

  /** Index in memory of the value at position {@code i} of the file's row-major order. */
  public int memoryIndex(int i) {
    return switch (kind) {
      case CONVOLUTION -> {
        int area = shape[2] * shape[3];
        int tap = i % area;
        int in = i / area % shape[1];
        int out = i / area / shape[1];
        yield (tap * shape[1] + in) * shape[0] + out;
      }
      case DEPTHWISE -> {
        int area = shape[2] * shape[3];
        yield i % area * shape[0] + i / area;
      }
      case DENSE -> place(i % shape[1]) * shape[0] + i / shape[1];
      default -> place(i);
    };
  }

  private int place(int channel) {
    return order == null ? channel : order[channel];
  }

  /** Whether the values lie in memory as in the file but for the axes' order. */
  public boolean keepsChannels() {
    return order == null;
  }

  /**
   * The values as they lie in memory. Loops over arrays, not {@link #memoryIndex}: a program's
   * first prediction waits for this, before anything is compiled.
   *
   * @param values in the file's row-major order
   * @throws IllegalArgumentException if there are not as many as the parameter has
   */
  public float[] inMemoryOrder(float[] values) {
    return transposed(values, true);
  }

  /**
   * The values as files have them; undoes {@link #inMemoryOrder}.
   *
   * @param values in memory order
   * @throws IllegalArgumentException if there are not as many as the parameter has
   */
  public float[] inFileOrder(float[] values) {
    return transposed(values, false);
  }

  /** Files: outputs x inputs x area; memory: area x inputs x outputs. */
  private float[] transposed(float[] values, boolean toMemory) {
    if (values.length != size) {
      throw new IllegalArgumentException(
          "%s has %d values, not %d".formatted(name, size, values.length));
    }
    boolean isMatrix = kind == Kind.CONVOLUTION || kind == Kind.DEPTHWISE || kind == Kind.DENSE;
    if (!isMatrix && order == null) {
      return values.clone();
    }
    if (order != null) {
      return placed(values, toMemory);
    }
    int outputs = shape[0];
    int area = kind == Kind.DENSE ? 1 : shape[2] * shape[3];
    int inputs = size / outputs / area;
    float[] result = new float[size];
    for (int out = 0; out < outputs; out++) {
      for (int in = 0; in < inputs; in++) {
        int file = (out * inputs + in) * area;
        int memory = in * outputs + out;
        for (int tap = 0; tap < area; tap++) {
          if (toMemory) {
            result[memory] = values[file];
          } else {
            result[file] = values[memory];
          }
          file++;
          memory += inputs * outputs;
        }
      }
    }
    return result;
  }

  private float[] placed(float[] values, boolean toMemory) {
    float[] result = new float[size];
    for (int i = 0; i < size; i++) {
      int memory = memoryIndex(i);
      result[toMemory ? memory : i] = values[toMemory ? i : memory];
    }
    return result;
  }

  /** Number of inputs that one output value sums over, for the initial variance. */
  public int fanIn() {
    int fan = 1;
    for (int axis = 1; axis < shape.length; axis++) {
      fan *= shape[axis];
    }
    return fan;
  }
}
