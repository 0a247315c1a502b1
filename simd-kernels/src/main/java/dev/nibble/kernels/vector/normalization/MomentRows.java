package dev.nibble.kernels.vector.normalization;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Rows of channels in scratch, whole vectors each, that a normalisation's loops share. */
public final class MomentRows {
  /** gamma; 1 without scale and shift, and 0 behind the last channel. */
  static final int GAMMA = 0;

  /** The mean of a channel's group; 0 in a global response norm. */
  static final int MEAN = 1;

  /** 1 / deviation of a channel's group, or what a global response norm multiplies it by. */
  static final int SCALE = 2;

  /** Forward: what is taken off values before they are summed, the picture's first pixel. */
  static final int SHIFT = 3;

  /** Forward: a picture's sum(a - shift), and what its additions have lost. */
  static final int SUM = 4;

  /** Forward: a picture's sum((a - shift)^2), and what its additions have lost. */
  static final int SQUARE = 6;

  /** Backward: a picture's, or a run's, sum(dy). */
  static final int DY = 3;

  /** Backward: a picture's, or a run's, sum(dy * hat). */
  static final int HAT = 4;

  /** Backward: what mean(g) takes off a channel's gradient. */
  static final int OFFSET = 5;

  /** Backward: what mean(g * hat) takes off it, for each unit of a - mean. */
  static final int SLOPE = 6;

  /** Backward: the leaf's sum(dy). */
  static final int LEAF_DY = 7;

  /** Backward: the leaf's sum(dy * hat). */
  static final int LEAF_HAT = 8;

  /** Backward, global response norm: a channel's response. */
  static final int RESPONSE = 9;

  private static final int ROWS = 10;

  private MomentRows() {}

  /** Floats of the rows. */
  public static int floats(int channels) {
    return ROWS * Lanes.roundUp(channels);
  }

  /** Index of a row. */
  static int row(int rows, int row, int channels) {
    return rows + row * Lanes.roundUp(channels);
  }

  /** Clears the rows and fills gamma's, once a leaf. */
  public static void start(GroupNorm op, @Nullable MemorySegment gamma, float[] scratch, int rows) {
    int channels = op.input().channels();
    Arrays.fill(scratch, rows, rows + floats(channels), 0f);
    if (gamma == null) {
      Arrays.fill(scratch, rows, rows + channels, 1f);
    } else {
      MemorySegment.copy(gamma, JAVA_FLOAT, 0, scratch, rows, channels);
    }
  }

  /** Adds the sums of a run or a picture to the leaf's, and starts them again. */
  public static void addToLeaf(int channels, float[] scratch, int rows) {
    int count = 2 * Lanes.roundUp(channels);
    int from = row(rows, DY, channels);
    int to = row(rows, LEAF_DY, channels);
    for (int i = 0; i < count; i++) {
      scratch[to + i] += scratch[from + i];
      scratch[from + i] = 0f;
    }
  }

  /** Writes the leaf's gradients of gamma and, behind it, of beta. */
  public static void store(
      int channels, float[] scratch, int rows, MemorySegment gradients, long at) {
    int hat = row(rows, LEAF_HAT, channels);
    int dy = row(rows, LEAF_DY, channels);
    MemorySegment.copy(scratch, hat, gradients, JAVA_FLOAT, at, channels);
    MemorySegment.copy(scratch, dy, gradients, JAVA_FLOAT, at + 4L * channels, channels);
  }
}
