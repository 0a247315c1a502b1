package dev.nibble.kernels.scalar;

import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Draw;
import dev.nibble.kernels.Operator.Dropout;
import dev.nibble.kernels.Operator.Multiply;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Operators that multiply value by value: with a second tensor, or with what is drawn. */
final class ScalarProduct {
  private ScalarProduct() {}

  /**
   * target = source * factor, forward and backward alike.
   *
   * @param from index of the picture that is multiplied
   * @param to index of the result
   */
  static void multiply(
      Multiply op, int picture, @Nullable MemorySegment factor, float[] scratch, int from, int to) {
    MemorySegment values = requireNonNull(factor);
    int count = op.factor().values();
    long first = (long) picture * count;
    for (int i = 0; i < op.input().values(); i++) {
      scratch[to + i] = scratch[from + i] * Floats.get(values, first + i % count);
    }
  }

  /** Writes the second tensor's gradient: a * dy, summed over pixels where they share it. */
  static void factorGradient(
      BackwardArgs args, Multiply op, int picture, float[] scratch, int actAt, int dyAt) {
    MemorySegment target = requireNonNull(args.factorGradient());
    int count = op.factor().values();
    long first = (long) picture * count;
    for (int f = 0; f < count; f++) {
      double sum = 0;
      for (int i = f; i < op.input().values(); i += count) {
        sum += (double) scratch[actAt + i] * scratch[dyAt + i];
      }
      Floats.set(target, first + f, (float) sum);
    }
  }

  /** target = source, or 0 where it is drawn so; forward and backward alike. */
  static void drop(
      Dropout op, int picture, @Nullable MemorySegment draws, float[] scratch, int from, int to) {
    int key = Draw.picture(requireNonNull(draws), op.stream(), picture);
    int threshold = Draw.threshold(op.rate());
    float scale = Draw.scale(op.rate());
    for (int i = 0; i < op.input().values(); i++) {
      boolean stays = Draw.value(key, op.byPicture() ? 0 : i) >= threshold;
      scratch[to + i] = stays ? scratch[from + i] * scale : 0f;
    }
  }
}
