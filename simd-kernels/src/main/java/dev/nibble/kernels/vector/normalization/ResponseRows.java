package dev.nibble.kernels.vector.normalization;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Global response norm's part of {@link MomentRows}: what {@link GroupLoops} multiplies a picture's
 * values and gradients by, made of the channels' sums.
 */
final class ResponseRows {
  private ResponseRows() {}

  /** Makes the factors of a picture of its sums. */
  static void finish(
      GroupNorm op, float[] scratch, int rows, @Nullable MemorySegment saved, long at) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    double mean = 0;
    for (int c = 0; c < channels; c++) {
      mean += response(op, scratch, rows, stride, c);
    }
    mean /= channels;
    for (int c = 0; c < channels; c++) {
      double response = response(op, scratch, rows, stride, c);
      float factor = (float) (response / (mean + op.epsilon()));
      scratch[rows + MomentRows.MEAN * stride + c] = 0;
      scratch[rows + MomentRows.SCALE * stride + c] = factor;
      if (saved != null) {
        saved.set(JAVA_FLOAT, at + 8L * c, (float) response);
        saved.set(JAVA_FLOAT, at + 8L * c + 4, factor);
      }
    }
  }

  /** sqrt(sum(a^2)), of sums about a shift. */
  private static double response(GroupNorm op, float[] scratch, int rows, int stride, int c) {
    double shift = scratch[rows + MomentRows.SHIFT * stride + c];
    double sum = scratch[rows + MomentRows.SUM * stride + c];
    double squares = scratch[rows + MomentRows.SQUARE * stride + c];
    squares += 2 * shift * sum + op.input().pixels() * shift * shift;
    return squares < 0 ? 0 : Math.sqrt(squares); // what is not a number stays none
  }

  /** Reads what the forward pass has saved of a picture. */
  static void load(GroupNorm op, float[] scratch, int rows, MemorySegment saved, long at) {
    int stride = Lanes.roundUp(op.input().channels());
    for (int c = 0; c < op.input().channels(); c++) {
      scratch[rows + MomentRows.MEAN * stride + c] = 0;
      scratch[rows + MomentRows.RESPONSE * stride + c] = saved.get(JAVA_FLOAT, at + 8L * c);
      scratch[rows + MomentRows.SCALE * stride + c] = saved.get(JAVA_FLOAT, at + 8L * c + 4);
    }
  }

  /** Makes of the picture's sums what its values, times -1, add to their gradients. */
  static void finishSums(GroupNorm op, float[] scratch, int rows) {
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    double mean = 0;
    double shared = 0;
    for (int c = 0; c < channels; c++) {
      double response = scratch[rows + MomentRows.RESPONSE * stride + c];
      mean += response / channels;
      shared += factorGradient(scratch, rows, stride, c) * response / channels;
    }
    double divisor = mean + op.epsilon();
    for (int c = 0; c < channels; c++) {
      double response = scratch[rows + MomentRows.RESPONSE * stride + c];
      double slope =
          factorGradient(scratch, rows, stride, c) / divisor - shared / (divisor * divisor);
      scratch[rows + MomentRows.OFFSET * stride + c] = 0;
      scratch[rows + MomentRows.SLOPE * stride + c] =
          response > 0 ? (float) (-slope / response) : 0;
    }
  }

  /** gamma * sum(dy * a), of the sum with what a is multiplied by. */
  private static double factorGradient(float[] scratch, int rows, int stride, int c) {
    double factor = scratch[rows + MomentRows.SCALE * stride + c];
    double sum = scratch[rows + MomentRows.HAT * stride + c];
    return factor == 0 ? 0 : scratch[rows + c] * sum / factor;
  }
}
