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
    if (!parameter.keepsChannels()) {
      loadPlaced(weight, parameter, target);
      return;
    }
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

  /** Value by value, where channels lie in another order than in the file. */
  private void loadPlaced(Weight weight, Parameter parameter, MemorySegment target) {
    long[] steps = steps(weight);
    long[] stored = weight.stored();
    int[] at = new int[stored.length];
    ValueReader values = weight.tensor().values();
    long index = 0;
    for (long left = weight.elements(); left > 0; ) {
      int ready = (int) Math.min(PIECE, left);
      values.floats(piece, 0, ready);
      for (int i = 0; i < ready; i++) {
        target.setAtIndex(JAVA_FLOAT, parameter.memoryIndex((int) index), piece[i]);
        for (int axis = stored.length - 1; axis >= 0; axis--) {
          index += steps[axis];
          if (++at[axis] < stored[axis]) {
            break;
          }
          index -= steps[axis] * stored[axis];
          at[axis] = 0;
        }
      }
      left -= ready;
    }
  }

  /** By how much the place among the parameter's values changes along each stored axis. */
  private static long[] steps(Weight weight) {
    long[] dims = weight.dims();
    int[] order = weight.order();
    long[] steps = new long[dims.length];
    long step = 1;
    for (int axis = dims.length - 1; axis >= 0; axis--) {
      steps[order[axis]] = step;
      step *= dims[axis];
    }
    return steps;
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
