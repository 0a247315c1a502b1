package dev.nibble.kernels.vector.normalization;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Group, instance and global response norm: channels' sums over a picture's runs of pixels, their
 * groups' moments, and what is made of them.
 */
public final class GroupLoops {
  private GroupLoops() {}

  /** Starts a picture's sums, about the first pixel of its first run. */
  public static void begin(int channels, float[] scratch, int tile, int rows) {
    int stride = Lanes.roundUp(channels);
    System.arraycopy(scratch, tile, scratch, rows + MomentRows.SHIFT * stride, channels);
    int sums = rows + MomentRows.SUM * stride;
    Arrays.fill(scratch, sums, sums + 4 * stride, 0f);
  }

  /**
   * Adds a run to the picture's sums. Each run's are added with what the additions before have
   * lost, so that large pictures cost no digits.
   *
   * @param tile index of the first pixel's activation, C floats a pixel and one vector of slack
   */
  public static void add(int channels, int pixels, float[] scratch, int tile, int rows) {
    int stride = Lanes.roundUp(channels);
    for (int c = 0; c < channels; c += LANES) {
      FloatVector shift =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.SHIFT * stride + c);
      FloatVector sum = FloatVector.zero(FLOATS);
      FloatVector squares = FloatVector.zero(FLOATS);
      for (int p = 0; p < pixels; p++) {
        FloatVector distance =
            FloatVector.fromArray(FLOATS, scratch, tile + p * channels + c).sub(shift);
        sum = sum.add(distance);
        squares = distance.fma(distance, squares);
      }
      int at = rows + MomentRows.SUM * stride + c;
      FloatVector before = FloatVector.fromArray(FLOATS, scratch, at);
      FloatVector more = sum.sub(FloatVector.fromArray(FLOATS, scratch, at + stride));
      FloatVector after = before.add(more);
      after.intoArray(scratch, at);
      after.sub(before).sub(more).intoArray(scratch, at + stride);
      at = rows + MomentRows.SQUARE * stride + c;
      before = FloatVector.fromArray(FLOATS, scratch, at);
      more = squares.sub(FloatVector.fromArray(FLOATS, scratch, at + stride));
      after = before.add(more);
      after.intoArray(scratch, at);
      after.sub(before).sub(more).intoArray(scratch, at + stride);
    }
  }

  /**
   * Makes the groups' moments of the picture's sums.
   *
   * @param saved where they go, two floats a group from byte {@code at} on; or null
   */
  public static void finish(
      GroupNorm op, float[] scratch, int rows, @Nullable MemorySegment saved, long at) {
    if (op.byResponse()) {
      ResponseRows.finish(op, scratch, rows, saved, at);
      return;
    }
    int channels = op.input().channels();
    int stride = Lanes.roundUp(channels);
    int width = channels / op.groups();
    double pixels = op.input().pixels();
    for (int group = 0; group < op.groups(); group++) {
      double mean = 0;
      for (int c = group * width; c < (group + 1) * width; c++) {
        mean += mean(scratch, rows, stride, c, pixels);
      }
      mean /= width;
      double squares = 0;
      for (int c = group * width; c < (group + 1) * width; c++) {
        double sum = scratch[rows + MomentRows.SUM * stride + c];
        double distance = mean(scratch, rows, stride, c, pixels) - mean;
        squares += scratch[rows + MomentRows.SQUARE * stride + c] - sum * sum / pixels;
        squares += pixels * distance * distance;
      }
      double variance = Math.max(squares, 0) / op.setValues();
      float scale = (float) (1 / Math.sqrt(variance + op.epsilon()));
      set(scratch, rows, stride, group * width, (group + 1) * width, (float) mean, scale);
      if (saved != null) {
        saved.set(JAVA_FLOAT, at + 8L * group, (float) mean);
        saved.set(JAVA_FLOAT, at + 8L * group + 4, scale);
      }
    }
  }

  private static double mean(float[] scratch, int rows, int stride, int c, double pixels) {
    double shift = scratch[rows + MomentRows.SHIFT * stride + c];
    return shift + scratch[rows + MomentRows.SUM * stride + c] / pixels;
  }

  private static void set(
      float[] scratch, int rows, int stride, int from, int to, float mean, float scale) {
    Arrays.fill(
        scratch,
        rows + MomentRows.MEAN * stride + from,
        rows + MomentRows.MEAN * stride + to,
        mean);
    Arrays.fill(
        scratch,
        rows + MomentRows.SCALE * stride + from,
        rows + MomentRows.SCALE * stride + to,
        scale);
  }

  /** Reads the moments of a picture that the forward pass has saved. */
  public static void load(GroupNorm op, float[] scratch, int rows, MemorySegment saved, long at) {
    if (op.byResponse()) {
      ResponseRows.load(op, scratch, rows, saved, at);
      return;
    }
    int stride = Lanes.roundUp(op.input().channels());
    int width = op.input().channels() / op.groups();
    for (int group = 0; group < op.groups(); group++) {
      float mean = saved.get(JAVA_FLOAT, at + 8L * group);
      float scale = saved.get(JAVA_FLOAT, at + 8L * group + 4);
      set(scratch, rows, stride, group * width, (group + 1) * width, mean, scale);
    }
  }

  /**
   * out = gamma * (a - mean) / sd, for the run at {@code tile} as in {@link #add}.
   *
   * @param out index of the first pixel's output, whole vectors a pixel
   */
  public static void forward(
      int channels, int pixels, float[] scratch, int tile, int rows, int out) {
    int stride = Lanes.roundUp(channels);
    for (int c = 0; c < channels; c += LANES) {
      FloatVector mean =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.MEAN * stride + c);
      FloatVector scale =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.SCALE * stride + c)
              .mul(FloatVector.fromArray(FLOATS, scratch, rows + c));
      for (int p = 0; p < pixels; p++) {
        FloatVector.fromArray(FLOATS, scratch, tile + p * channels + c)
            .sub(mean)
            .mul(scale)
            .intoArray(scratch, out + p * stride + c);
      }
    }
  }

  /**
   * Adds dy and dy * hat of a run to the picture's sums.
   *
   * @param tile index of the first pixel's activation, whole vectors a pixel; so is that of dy
   */
  public static void addSums(
      int channels, int pixels, float[] scratch, int tile, int dy, int rows) {
    int stride = Lanes.roundUp(channels);
    for (int c = 0; c < channels; c += LANES) {
      FloatVector mean =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.MEAN * stride + c);
      FloatVector scale =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.SCALE * stride + c);
      FloatVector sum = FloatVector.zero(FLOATS);
      FloatVector hats = FloatVector.zero(FLOATS);
      for (int p = 0; p < pixels; p++) {
        FloatVector d = FloatVector.fromArray(FLOATS, scratch, dy + p * stride + c);
        FloatVector distance =
            FloatVector.fromArray(FLOATS, scratch, tile + p * stride + c).sub(mean);
        sum = sum.add(d);
        hats = d.fma(distance, hats);
      }
      int at = rows + MomentRows.DY * stride + c;
      sum.add(FloatVector.fromArray(FLOATS, scratch, at)).intoArray(scratch, at);
      at = rows + MomentRows.HAT * stride + c;
      hats.fma(scale, FloatVector.fromArray(FLOATS, scratch, at)).intoArray(scratch, at);
    }
  }

  /** Makes of the picture's sums what is taken off its channels' gradients. */
  public static void finishSums(GroupNorm op, float[] scratch, int rows) {
    if (op.byResponse()) {
      ResponseRows.finishSums(op, scratch, rows);
      return;
    }
    int stride = Lanes.roundUp(op.input().channels());
    int width = op.input().channels() / op.groups();
    for (int group = 0; group < op.groups(); group++) {
      double sum = 0;
      double hats = 0;
      for (int c = group * width; c < (group + 1) * width; c++) {
        double gamma = scratch[rows + c];
        sum += gamma * scratch[rows + MomentRows.DY * stride + c];
        hats += gamma * scratch[rows + MomentRows.HAT * stride + c];
      }
      double scale = scratch[rows + MomentRows.SCALE * stride + group * width];
      float offset = (float) (scale * sum / op.setValues());
      float slope = (float) (scale * scale * hats / op.setValues());
      for (int c = group * width; c < (group + 1) * width; c++) {
        scratch[rows + MomentRows.OFFSET * stride + c] = offset;
        scratch[rows + MomentRows.SLOPE * stride + c] = slope;
      }
    }
  }

  /**
   * data = gamma * dy / sd - offset - slope * (a - mean), for a run as in {@link #addSums}.
   *
   * @param data index of the first pixel's gradient, whole vectors a pixel
   */
  public static void backward(
      int channels, int pixels, float[] scratch, int tile, int dy, int rows, int data) {
    int stride = Lanes.roundUp(channels);
    for (int c = 0; c < channels; c += LANES) {
      FloatVector mean =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.MEAN * stride + c);
      FloatVector scale =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.SCALE * stride + c)
              .mul(FloatVector.fromArray(FLOATS, scratch, rows + c));
      FloatVector offset =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.OFFSET * stride + c);
      FloatVector slope =
          FloatVector.fromArray(FLOATS, scratch, rows + MomentRows.SLOPE * stride + c);
      for (int p = 0; p < pixels; p++) {
        FloatVector distance =
            FloatVector.fromArray(FLOATS, scratch, tile + p * stride + c).sub(mean);
        FloatVector.fromArray(FLOATS, scratch, dy + p * stride + c)
            .mul(scale)
            .sub(offset)
            .sub(distance.mul(slope))
            .intoArray(scratch, data + p * stride + c);
      }
    }
  }
}
