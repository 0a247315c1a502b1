package dev.nibble.engine.optim;

import dev.nibble.engine.data.Task;
import dev.nibble.kernels.LossArgs;
import dev.nibble.kernels.LossFunction;
import dev.nibble.kernels.provider.KernelProvider;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A loss that the kernels compute.
 *
 * @param function which
 * @param weights of the classes, or none for 1 each
 */
@SuppressWarnings("ArrayRecordComponent") // copied in by Loss; compared by name
public record KernelLoss(LossFunction function, float[] weights) implements Loss {
  /**
   * Checks the weights.
   *
   * @throws IllegalArgumentException if one is not above 0 and finite
   */
  public KernelLoss {
    for (float weight : weights) {
      if (!(weight > 0) || Float.isInfinite(weight)) {
        throw new IllegalArgumentException("a class's weight is " + weight + ", give one above 0");
      }
    }
  }

  @Override
  public String name() {
    String name = function.name().toLowerCase(Locale.ROOT).replace('_', '-');
    return weights.length == 0 ? name : name + Arrays.toString(weights).replace(",", "");
  }

  @Override
  public boolean fits(Task task) {
    return switch (function) {
      case CROSS_ENTROPY, SOFT_CROSS_ENTROPY -> task == Task.CLASSIFICATION;
      case BINARY_CROSS_ENTROPY -> task != Task.REGRESSION;
      case SQUARED_ERROR -> task == Task.REGRESSION;
    };
  }

  /** The function for targets of a number an output, where one is for labels. */
  public LossFunction soft() {
    return function.readsLabels() ? LossFunction.SOFT_CROSS_ENTROPY : function;
  }

  /** By the scalar kernels; a session's own compute the loss of a training. */
  @Override
  public double compute(
      MemorySegment outputs,
      MemorySegment targets,
      int pictures,
      int values,
      @Nullable MemorySegment gradient) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(16, 8);
      LossArgs args =
          new LossArgs(pictures, values, outputs, targets, gradient, result, 0, soft(), weights);
      KernelProvider.choose("scalar").loss(args, pictures);
      return result.get(ValueLayout.JAVA_DOUBLE, 0);
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
