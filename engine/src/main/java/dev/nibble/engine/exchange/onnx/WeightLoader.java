package dev.nibble.engine.exchange.onnx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.exchange.onnx.graph.Weight;
import dev.nibble.engine.exchange.onnx.model.ValueReader;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Copies a tensor of a file to where a parameter lies, piece by piece: however large it is, the
 * heap holds no more than a piece.
 */
final class WeightLoader {
  private static final int PIECE = 1 << 14;

  private final float[] piece = new float[PIECE];

  /** Copies a tensor's values, in the file's order, to their places in memory. */
  void load(Weight weight, Parameter parameter, MemorySegment target) {
    long[] strides = strides(weight, parameter);
    long[] stored = weight.stored();
    int rank = stored.length;
    ValueReader values = weight.tensor().values();
    if (rank == 0) {
      values.floats(piece, 0, 1);
      target.set(JAVA_FLOAT, 0, piece[0]);
      return;
    }
    int row = (int) stored[rank - 1];
    long stride = strides[rank - 1];
    long[] at = new long[rank];
    long place = 0;
    int ready = 0;
    int next = 0;
    long left = weight.elements();
    while (left > 0) {
      for (int i = 0; i < row; i++) {
        if (next == ready) {
          ready = (int) Math.min(PIECE, left);
          values.floats(piece, 0, ready);
          next = 0;
        }
        target.setAtIndex(JAVA_FLOAT, place + i * stride, piece[next++]);
        left--;
      }
      for (int axis = rank - 2; axis >= 0; axis--) {
        place += strides[axis];
        if (++at[axis] < stored[axis]) {
          break;
        }
        place -= strides[axis] * stored[axis];
        at[axis] = 0;
      }
    }
  }

  /** By how much the place in memory changes from one index of each stored axis to the next. */
  private static long[] strides(Weight weight, Parameter parameter) {
    long[] dims = weight.dims();
    int[] order = weight.order();
    long[] strides = new long[dims.length];
    long step = 1;
    for (int axis = dims.length - 1; axis >= 0; axis--) {
      // An axis of one index is never walked along.
      strides[order[axis]] = dims[axis] > 1 ? parameter.memoryIndex((int) step) : 0;
      step *= dims[axis];
    }
    return strides;
  }

  /** Whether the weight has what the parameter needs. */
  static boolean fits(Weight weight, Parameter parameter) {
    return weight.elements() == parameter.size()
        && Arrays.stream(weight.dims()).allMatch(extent -> extent <= Integer.MAX_VALUE);
  }
}
