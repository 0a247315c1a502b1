package dev.nibble.kernels.scalar;

import dev.nibble.kernels.GroupNorm;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Global response norm of one picture, forward and backward. */
final class ScalarResponseNorm {
  private ScalarResponseNorm() {}

  /**
   * out = gamma * a * factor, with factor = response / (mean + epsilon) and response =
   * sqrt(sum(a^2)) of the channel; the bias is added later. Saves response and factor.
   */
  static void forward(
      GroupNorm op,
      int picture,
      float[] gamma,
      @Nullable MemorySegment saved,
      float[] scratch,
      int act,
      int out) {
    int channels = op.input().channels();
    int values = op.input().values();
    double mean = 0;
    for (int c = 0; c < channels; c++) {
      mean += response(scratch, act + c, act + values, channels) / channels;
    }
    for (int c = 0; c < channels; c++) {
      double response = response(scratch, act + c, act + values, channels);
      double factor = response / (mean + op.epsilon());
      if (saved != null) {
        Floats.set(saved, ScalarGroupNorm.at(op, picture, c), (float) response);
        Floats.set(saved, ScalarGroupNorm.at(op, picture, c) + 1, (float) factor);
      }
      for (int i = c; i < values; i += channels) {
        scratch[out + i] =
            (float) (scratch[act + i] * factor * ScalarGroupNorm.gamma(op, gamma, i));
      }
    }
  }

  private static double response(float[] scratch, int from, int end, int step) {
    double squares = 0;
    for (int i = from; i < end; i += step) {
      squares += (double) scratch[i] * scratch[i];
    }
    return Math.sqrt(squares);
  }

  /**
   * da = gamma * factor * dy + a / response * dresponse, where dfactor = gamma * sum(dy * a) and
   * dresponse = dfactor / (mean + epsilon) - mean(dfactor * response) / (mean + epsilon)^2.
   */
  static void backwardData(
      GroupNorm op,
      int picture,
      float[] gamma,
      MemorySegment saved,
      float[] scratch,
      int act,
      int dy,
      int da) {
    int channels = op.input().channels();
    int values = op.input().values();
    double mean = 0;
    double shared = 0;
    for (int c = 0; c < channels; c++) {
      double response = Floats.get(saved, ScalarGroupNorm.at(op, picture, c));
      mean += response / channels;
      shared += factorGradient(op, gamma, c, scratch, act, dy) * response / channels;
    }
    double divisor = mean + op.epsilon();
    for (int c = 0; c < channels; c++) {
      double response = Floats.get(saved, ScalarGroupNorm.at(op, picture, c));
      double factor = Floats.get(saved, ScalarGroupNorm.at(op, picture, c) + 1);
      double slope =
          factorGradient(op, gamma, c, scratch, act, dy) / divisor - shared / (divisor * divisor);
      slope = response > 0 ? slope / response : 0;
      for (int i = c; i < values; i += channels) {
        double own = ScalarGroupNorm.gamma(op, gamma, i) * factor * scratch[dy + i];
        scratch[da + i] = (float) (own + scratch[act + i] * slope);
      }
    }
  }

  private static double factorGradient(
      GroupNorm op, float[] gamma, int c, float[] scratch, int act, int dy) {
    double sum = 0;
    for (int i = c; i < op.input().values(); i += op.input().channels()) {
      sum += (double) scratch[dy + i] * scratch[act + i];
    }
    return sum * ScalarGroupNorm.gamma(op, gamma, c);
  }
}
