package dev.nibble.kernels.vector.activation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A leaf's own copy of a channel table, its rows padded to whole vectors, and behind it room for
 * three columns: a vector of channels of some pixels each ({@link CodeColumns}).
 */
public final class TableRows {
  private TableRows() {}

  /** Floats of the copy. */
  public static int floats(int channels) {
    return work(0, channels) + 3 * CodeColumns.SIZE;
  }

  /** Index in scratch of the columns behind a table. */
  static int work(int table, int channels) {
    return table + ChannelTable.ROWS * Lanes.roundUp(channels);
  }

  /** Index in scratch of the second column. */
  static int second(int table, int channels) {
    return work(table, channels) + CodeColumns.SIZE;
  }

  /** Index in scratch of the third column. */
  static int third(int table, int channels) {
    return work(table, channels) + 2 * CodeColumns.SIZE;
  }

  private static int row(int table, int row, int channels) {
    return table + row * Lanes.roundUp(channels);
  }

  /** Copies the table, or, where the activation needs none, coefficients that change nothing. */
  public static void load(
      Activation activation,
      @Nullable MemorySegment from,
      int channels,
      float[] scratch,
      int table) {
    if (from == null || !activation.needsTable()) {
      Arrays.fill(scratch, table, work(table, channels), 0f);
      fill(scratch, row(table, ChannelTable.Z_SCALE, channels), channels, 1f);
      // Adding -0 changes no number, adding 0 turns -0 into 0.
      fill(scratch, row(table, ChannelTable.Z_OFFSET, channels), channels, -0f);
      return;
    }
    load(from, channels, scratch, table);
  }

  private static void fill(float[] scratch, int at, int channels, float value) {
    Arrays.fill(scratch, at, at + channels, value);
  }

  private static void load(MemorySegment from, int channels, float[] scratch, int table) {
    for (int row = 0; row < ChannelTable.ROWS; row++) {
      MemorySegment.copy(
          from,
          JAVA_FLOAT,
          ChannelTable.offset(row, channels),
          scratch,
          row(table, row, channels),
          channels);
    }
  }
}
