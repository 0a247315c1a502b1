package dev.nibble.kernels.scalar;

import static java.util.Objects.requireNonNull;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Layer, group and instance norm of one picture, forward and backward. */
final class ScalarGroupNorm {
  private ScalarGroupNorm() {}

  /** out = gamma * (a - mean) / sd; the bias is added later. Saves mean and 1 / sd of every set. */
  static void forward(
      GroupNorm op,
      int picture,
      float[] gamma,
      @Nullable MemorySegment saved,
      float[] scratch,
      int act,
      int out) {
    if (op.byResponse()) {
      ScalarResponseNorm.forward(op, picture, gamma, saved, scratch, act, out);
      return;
    }
    int count = op.setValues();
    for (int set = 0; set < op.sets(); set++) {
      double sum = 0;
      for (int k = 0; k < count; k++) {
        sum += scratch[act + index(op, set, k)];
      }
      double mean = sum / count;
      double squares = 0;
      for (int k = 0; k < count; k++) {
        double distance = scratch[act + index(op, set, k)] - mean;
        squares += distance * distance;
      }
      double scale = 1 / Math.sqrt(squares / count + op.epsilon());
      if (saved != null) {
        Floats.set(saved, at(op, picture, set), (float) mean);
        Floats.set(saved, at(op, picture, set) + 1, (float) scale);
      }
      for (int k = 0; k < count; k++) {
        int i = index(op, set, k);
        scratch[out + i] = (float) ((scratch[act + i] - mean) * scale * gamma(op, gamma, i));
      }
    }
  }

  /**
   * da = (g - mean(g) - hat * mean(g * hat)) / sd, with g = gamma * dy and hat = (a - mean) / sd of
   * the restored activation.
   */
  static void backwardData(
      GroupNorm op,
      int picture,
      float[] gamma,
      @Nullable MemorySegment saved,
      float[] scratch,
      int act,
      int dy,
      int da) {
    MemorySegment moments = requireNonNull(saved);
    if (op.byResponse()) {
      ScalarResponseNorm.backwardData(op, picture, gamma, moments, scratch, act, dy, da);
      return;
    }
    int count = op.setValues();
    for (int set = 0; set < op.sets(); set++) {
      double mean = Floats.get(moments, at(op, picture, set));
      double scale = Floats.get(moments, at(op, picture, set) + 1);
      double sum = 0;
      double hats = 0;
      for (int k = 0; k < count; k++) {
        int i = index(op, set, k);
        double g = gamma(op, gamma, i) * scratch[dy + i];
        sum += g;
        hats += g * (scratch[act + i] - mean) * scale;
      }
      for (int k = 0; k < count; k++) {
        int i = index(op, set, k);
        double g = gamma(op, gamma, i) * scratch[dy + i];
        double hat = (scratch[act + i] - mean) * scale;
        scratch[da + i] = (float) ((g - (sum + hat * hats) / count) * scale);
      }
    }
  }

  /** dgamma[c] += dy * hat. */
  static void backwardWeight(
      GroupNorm op,
      int picture,
      @Nullable MemorySegment saved,
      float[] scratch,
      int dy,
      int act,
      int dw) {
    MemorySegment moments = requireNonNull(saved);
    FeatureMap map = op.input();
    for (int c = 0; c < map.channels(); c++) {
      double sum = 0;
      for (int pixel = 0; pixel < map.pixels(); pixel++) {
        int i = pixel * map.channels() + c;
        int set = op.set(pixel, c);
        double mean = op.byResponse() ? 0 : Floats.get(moments, at(op, picture, set));
        double scale = Floats.get(moments, at(op, picture, set) + 1);
        sum += scratch[dy + i] * (scratch[act + i] - mean) * scale;
      }
      scratch[dw + c] += (float) sum;
    }
  }

  /** Where the k-th value of a set lies in its picture. */
  private static int index(GroupNorm op, int set, int k) {
    int channels = op.input().channels();
    if (op.byPixel()) {
      return set * channels + k;
    }
    int width = channels / op.groups();
    return k / width * channels + set * width + k % width;
  }

  static double gamma(GroupNorm op, float[] gamma, int i) {
    return op.affine() ? gamma[i % op.input().channels()] : 1;
  }

  /** Index of a set's first moment. */
  static long at(GroupNorm op, int picture, int set) {
    return 2L * ((long) picture * op.sets() + set);
  }
}
