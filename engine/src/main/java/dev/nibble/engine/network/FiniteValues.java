package dev.nibble.engine.network;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Finds values that no sound training leaves: NaN, infinities, and variances below zero. One of
 * them in a network makes all its answers worthless, and they do not go away by further training.
 */
public final class FiniteValues {
  private static final int EXPONENT = 0x7f80_0000;
  private static final int WITHOUT_SIGN = 0x7fff_ffff;

  /** Values that are looked at together. */
  private static final int BLOCK = 4096;

  private FiniteValues() {}

  /**
   * Index of the first value that is NaN or infinite; -1 if there is none. Allocates nothing.
   *
   * @param floats fp32 values; bytes behind the last whole one are passed over
   */
  public static long firstFault(MemorySegment floats) {
    long count = floats.byteSize() / 4;
    for (long from = 0; from < count; from += BLOCK) {
      int length = (int) Math.min(BLOCK, count - from);
      if (largestBits(floats, 4 * from, length) >= EXPONENT) {
        long at = from;
        while (Float.isFinite(floats.get(JAVA_FLOAT, 4 * at))) {
          at++;
        }
        return at;
      }
    }
    return -1;
  }

  /** Without their signs, floats are in the order of their bits, those that are not finite last. */
  private static int largestBits(MemorySegment floats, long offset, int count) {
    int most = 0;
    for (int i = 0; i < count; i++) {
      most = Math.max(most, floats.get(JAVA_INT, offset + 4L * i) & WITHOUT_SIGN);
    }
    return most;
  }

  /**
   * Says what is wrong with a parameter's values: {@code 'stem.weight' holds NaN}.
   *
   * @param values at least as many as the parameter has, in any order
   * @return null if nothing is
   */
  public static @Nullable String fault(Parameter parameter, MemorySegment values) {
    MemorySegment own = values.asSlice(0, 4L * parameter.size());
    long at = firstFault(own);
    if (at < 0 && parameter.kind() == Parameter.Kind.RUNNING_VARIANCE) {
      at = firstNegative(own);
    }
    return at < 0 ? null : "'%s' holds %s".formatted(parameter.name(), own.get(JAVA_FLOAT, 4 * at));
  }

  /**
   * Says what is wrong with the first parameter that has such values.
   *
   * @param values where a parameter's values lie
   * @return null if all are sound
   */
  public static @Nullable String fault(
      List<Parameter> parameters, Function<Parameter, MemorySegment> values) {
    for (Parameter parameter : parameters) {
      String fault = fault(parameter, values.apply(parameter));
      if (fault != null) {
        return fault;
      }
    }
    return null;
  }

  private static long firstNegative(MemorySegment floats) {
    for (long at = 0; at < floats.byteSize() / 4; at++) {
      if (floats.get(JAVA_FLOAT, 4 * at) < 0) {
        return at;
      }
    }
    return -1;
  }
}
